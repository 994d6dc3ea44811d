"""Members come and go while flows come in: the others go on, and say little."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.kafka.support.counting import counting, owned
from tests.kafka.support.standstill import Standstill
from tests.kafka.support.trickle import Trickle
from tests.kafka.support.workers import Worker, running, totals, wait
from tests.real.broker import Broker

_PARTITIONS = 6


def member(folder: Path, broker: Broker, topic: str, name: str, **source: Any) -> Worker:
    """A member of the group of a topic."""
    return counting(folder / name, broker.bootstrap, [topic], **source)


def stayed(worker: Worker) -> None:
    """Its membership has not ended, and nothing looks like a fault."""
    log = worker.log.read_text()
    assert "joining again" not in log
    assert "Traceback" not in log
    assert "begins again" not in log


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_another_worker_comes_and_goes_six_times(
    kafka_broker: Broker, tmp_path: Path, end: str
) -> None:
    """Whether it leaves or is killed; the counts are exact in the end."""
    topic = f"visited-{end}"
    kafka_broker.create_topic(topic, _PARTITIONS)
    first = member(tmp_path, kafka_broker, topic, "first")
    with running(first):
        with Trickle(kafka_broker, topic, _PARTITIONS) as trickle:
            for number in range(6):
                second = member(tmp_path, kafka_broker, topic, f"second-{number}")
                with running(second):
                    wait(lambda second=second: len(owned(second)) == _PARTITIONS / 2)  # type: ignore[misc] # bound at once
                    if end == "stop":
                        assert second.exit() == 0
                    else:
                        second.process.kill()
                    stayed(second)
                wait(lambda: len(owned(first)) == _PARTITIONS)
        wait(lambda: totals(first)[0] == trickle.sent)
        assert totals(first)[1]["flows_seen"] == {(): trickle.sent}
        stayed(first)


def test_one_of_three_is_killed_again_and_again(kafka_broker: Broker, tmp_path: Path) -> None:
    """The two that stay do not lose their membership."""
    kafka_broker.create_topic("three", _PARTITIONS)
    one, two = (member(tmp_path, kafka_broker, "three", name) for name in ("one", "two"))
    with running(one, two):
        with Trickle(kafka_broker, "three", _PARTITIONS) as trickle:
            for number in range(4):
                third = member(tmp_path, kafka_broker, "three", f"third-{number}")
                with running(third):
                    wait(lambda third=third: len(owned(third)) == _PARTITIONS / 3)  # type: ignore[misc] # bound at once
                    third.process.kill()
                wait(lambda: len(owned(one)) == len(owned(two)) == _PARTITIONS / 2)
        wait(lambda: totals(one, two)[0] == trickle.sent)
        assert totals(one, two)[1]["flows_seen"] == {(): trickle.sent}
        stayed(one)
        stayed(two)


def test_what_a_stopped_worker_had_goes_on_long_before_its_session_is_over(
    kafka_broker: Broker, tmp_path: Path
) -> None:
    """It leaves the group as soon as its counts are durable."""
    kafka_broker.create_topic("handed-over", _PARTITIONS)
    one, two = (
        member(tmp_path, kafka_broker, "handed-over", name, session_timeout=180.0)
        for name in ("one", "two")
    )
    still = Standstill(kafka_broker.bootstrap, "of-handed-over", "handed-over", _PARTITIONS)
    with running(one, two):
        wait(lambda: len(owned(one)) == len(owned(two)) == _PARTITIONS / 2)
        with Trickle(kafka_broker, "handed-over", _PARTITIONS) as trickle, still:
            wait(lambda: totals(one, two)[0] > 0)
            assert one.exit() == 0
            wait(lambda: len(owned(two)) == _PARTITIONS)
            wait(lambda: totals(two)[0] == trickle.sent or totals(two)[0] > trickle.sent - 500)
        wait(lambda: totals(two)[0] == trickle.sent)
    assert max(still.take()) < 90
