"""Workers with names of their own (static membership): one that comes back disturbs nobody."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError
from confluent_kafka.admin import AdminClient

from pipeline.kafka.errors import explain
from pipeline.runtime.faust import private
from tests.kafka.support.counting import FLOW, counting, owned, positions, seen
from tests.kafka.support.feeding import produce
from tests.kafka.support.workers import Worker, answers, children, running, totals, wait
from tests.real.broker import Broker

_SESSION = 120.0


def static(
    folder: Path, broker: Broker, topic: str, instance: str, session: float = _SESSION
) -> Worker:
    more: dict[str, Any] = {"group_instance_id": instance, "session_timeout": session}
    return counting(folder / instance, broker.bootstrap, [topic], **more)


def taken(worker: Worker) -> int:
    """How often it has taken partitions over, as it logs."""
    return len(re.findall(r"takeover: \S+: \d partitions", worker.log.read_text()))


def kill(worker: Worker) -> None:
    worker.process.kill()


def end(worker: Worker) -> None:
    assert worker.exit() == 0


@pytest.mark.parametrize("leave", [kill, end])
def test_a_worker_that_comes_back_has_its_partitions_and_the_others_go_on(
    kafka_broker: Broker, tmp_path: Path, leave: Callable[[Worker], None]
) -> None:
    """After a kill as after a stop."""
    topic = f"static-{leave.__name__}"
    kafka_broker.create_topic(topic, 4)
    one, two = (static(tmp_path, kafka_broker, topic, name) for name in ("one", "two"))
    with running(one, two):
        wait(lambda: len(owned(one)) == len(owned(two)) == 2)
        produce(kafka_broker.bootstrap, topic, [FLOW] * 100, 4)
        wait(lambda: totals(one, two)[0] == 100)
        before, times = owned(one), taken(two)
        left = time.monotonic()
        leave(one)
        produce(kafka_broker.bootstrap, topic, [FLOW] * 100, 4)
        wait(lambda: positions(two) == [50, 50])
        one.start()
        assert time.monotonic() - left < _SESSION
        wait(lambda: totals(one, two)[0] == 200)
        assert (owned(one), taken(two)) == (before, times)
        assert two.get("/readyz")[0] == 200


def test_without_its_return_the_others_take_over(kafka_broker: Broker, tmp_path: Path) -> None:
    """When its session has ended."""
    kafka_broker.create_topic("left", 2)
    one, two = (static(tmp_path, kafka_broker, "left", name, 6) for name in ("one", "two"))
    with running(one, two):
        wait(lambda: len(owned(one)) == len(owned(two)) == 1)
        kill(one)
        wait(lambda: len(owned(two)) == 2)


def test_the_workers_of_one_command_are_numbered(kafka_broker: Broker, tmp_path: Path) -> None:
    """Each has a name of its own, also after a kill."""
    kafka_broker.create_topic("numbered", 4)
    first = static(tmp_path, kafka_broker, "numbered", "w")
    first.process.command += ["--workers", "2"]
    second = static(tmp_path, kafka_broker, "numbered", "w")
    second.port = first.port + 1
    with running(first):
        wait(lambda: answers(second))
        wait(lambda: len(owned(first)) == len(owned(second)) == 2)
        assert instances(kafka_broker, "of-numbered") == {"w-0", "w-1"}
        before, times, process = owned(first), taken(first), children(first)[0]
        os.kill(process, signal.SIGKILL)
        wait(lambda: process not in children(first) and answers(first), seconds=_SESSION)
        produce(kafka_broker.bootstrap, "numbered", [FLOW] * 40, 4)
        wait(lambda: totals(first, second)[0] == 40)
        assert (owned(first), taken(first)) == (before, times + 1), "the killed one only"
        assert instances(kafka_broker, "of-numbered") == {"w-0", "w-1"}
        assert first.exit() == 0


def instances(broker: Broker, group: str) -> set[str]:
    """The names of the members of a group."""
    admin = AdminClient({"bootstrap.servers": broker.bootstrap})
    described = admin.describe_consumer_groups([group])[group].result()
    return {member.group_instance_id for member in described.members}


def test_a_frozen_worker_whose_place_was_taken(kafka_broker: Broker, tmp_path: Path) -> None:
    """It wakes up in a generation just after its own, and yet its counts do not hold any more."""
    kafka_broker.create_topic("taken", 2)
    (tmp_path / "again").mkdir()
    first = static(tmp_path, kafka_broker, "taken", "same")
    again = static(tmp_path / "again", kafka_broker, "taken", "same")
    other = static(tmp_path, kafka_broker, "taken", "other")

    def feed() -> None:
        produce(kafka_broker.bootstrap, "taken", [FLOW] * 100, 2)

    with running(first):
        feed()
        wait(lambda: seen(first) == 100)
        first.process.freeze()
        with running(again):
            feed()
            wait(lambda: seen(again) == 100 and sum(positions(again)) == 200)
            with running(other):
                wait(lambda: len(owned(again)) == len(owned(other)) == 1)
                feed()
                wait(lambda: seen(again) + seen(other) == 200)
                shown = seen(again)
                again.process.kill()
                first.process.thaw()
                wait(lambda: len(owned(first)) == len(owned(other)) == 1)
                feed()
                wait(lambda: totals(first, other)[0] == 400)
                assert totals(first, other)[1]["flows_seen"] == {(): 400}
                wait(lambda: shown + seen(first) + seen(other) == 400)
                time.sleep(1)
                assert shown + seen(first) + seen(other) == 400, "nothing is shown twice"
    assert 'if another one has group_instance_id "same" as well' in first.log.read_text()


def reasons(*workers: Worker) -> list[str]:
    """Why they are not ready; of those that are, nothing."""
    return [worker.get("/readyz")[1].get("reason", "") for worker in workers]


def test_two_workers_with_one_name_are_told_so(kafka_broker: Broker, tmp_path: Path) -> None:
    """They throw each other out for ever, and each said that the group was rebalancing."""
    kafka_broker.create_topic("double", 2)
    (tmp_path / "again").mkdir()
    first = static(tmp_path, kafka_broker, "double", "same", 6)
    again = static(tmp_path / "again", kafka_broker, "double", "same", 6)
    said = (
        "the group did not know this worker any more; if another one has group_instance_id "
        '"same" as well, give each its own'
    )
    with running(first):
        wait(lambda: len(owned(first)) == 2)
        with running(again):
            wait(lambda: any(said in reason for reason in reasons(first, again)))


def test_a_place_that_is_taken_is_called_so(kafka_broker: Broker) -> None:
    """aiokafka has no name for what the broker answers, and it was an UnknownError()."""
    kafka_broker.create_topic("fenced", 1)

    async def told() -> str:
        one, other = (
            AIOKafkaConsumer(
                "fenced",
                bootstrap_servers=kafka_broker.bootstrap,
                group_id="of-fenced",
                group_instance_id="same",
                enable_auto_commit=False,
                session_timeout_ms=30_000,
                heartbeat_interval_ms=30_000,  # the broker is asked by joining alone
            )
            for _ in range(2)
        )
        await one.start()
        try:
            await one.getmany(timeout_ms=0)
            await other.start()
            try:
                await other.getmany(timeout_ms=0)
                one._coordinator.request_rejoin()
                error = None
                while error is None:
                    await asyncio.sleep(0.05)
                    error = await private.coordinator_error(one)
                return explain(error)
            finally:
                await other.stop()
        finally:
            with suppress(KafkaError):
                await one.stop()

    assert asyncio.run(asyncio.wait_for(told(), 120.0)) == (
        "another worker has the same group_instance_id and has taken the place of this one; give "
        "each its own"
    )
