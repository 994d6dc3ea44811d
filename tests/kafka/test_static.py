"""Workers with names of their own (static membership): one that comes back disturbs nobody."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka.admin import AdminClient

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
