"""The limits of dead letters are about one partition each, whatever comes of the others."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.kafka.support.counting import FLOW, counting, positions
from tests.kafka.support.feeding import produce
from tests.kafka.support.workers import Worker, running, wait
from tests.real.broker import Broker

BAD = b"no json"


def limited(folder: Path, broker: Broker, topic: str, **limit: Any) -> Worker:
    """A worker that reads two partitions in one go, with a limit."""
    return counting(folder, broker.bootstrap, [topic], dead_letters=limit, batch_size=50_000)


def fed(broker: Broker, topic: str, zero: list[bytes], one: list[bytes]) -> None:
    """Make a topic whose partitions have these messages, which came in turn."""
    broker.create_topic(topic, 2)
    pairs = [payload for pair in zip(one, zero, strict=True) for payload in pair]
    produce(broker.bootstrap, topic, pairs, 2)


def test_one_partition_of_rejects_stops_a_worker(kafka_broker: Broker, tmp_path: Path) -> None:
    """10,000 in a row, while every other message that the worker reads is good."""
    fed(kafka_broker, "row", [BAD] * 10_000, [FLOW] * 10_000)
    worker = limited(tmp_path, kafka_broker, "row", max_consecutive=10_000)
    with running(worker, ready=False):
        assert worker.ended() == 1
    log = worker.log.read_text()
    assert "row[0]: 10000 messages in a row were rejected (dead_letters.max_consecutive" in log


def test_rejects_of_two_partitions_are_no_row(kafka_broker: Broker, tmp_path: Path) -> None:
    """9,999 in each, which come one after the other."""
    both = [BAD] * 9_999 + [FLOW] + [BAD] * 9_999
    fed(kafka_broker, "rows", both, both)
    worker = limited(tmp_path, kafka_broker, "rows", max_consecutive=10_000)
    with running(worker):
        wait(lambda: positions(worker) == [19_999, 19_999])
        assert worker.exit() == 0


@pytest.mark.parametrize("where", [0, 1])
def test_the_ratio_of_one_partition_stops_a_worker(
    kafka_broker: Broker, tmp_path: Path, where: int
) -> None:
    """Six of ten in one partition, though three of ten in all."""
    topic = f"ratio-{where}"
    parts = [[FLOW] * 1_000, [FLOW] * 1_000]
    parts[where] = ([BAD] * 6 + [FLOW] * 4) * 100
    fed(kafka_broker, topic, *parts)
    worker = limited(tmp_path, kafka_broker, topic, max_ratio=0.5)
    with running(worker, ready=False):
        assert worker.ended() == 1
    said = rf"{topic}\[{where}\]: \d+ of \d+ messages were rejected \(dead_letters.max_ratio"
    assert re.search(said, worker.log.read_text())


def test_a_ratio_that_no_partition_passes(kafka_broker: Broker, tmp_path: Path) -> None:
    fed(kafka_broker, "few", ([BAD] * 4 + [FLOW] * 6) * 100, [FLOW] * 1_000)
    worker = limited(tmp_path, kafka_broker, "few", max_ratio=0.5)
    with running(worker):
        wait(lambda: positions(worker) == [1_000, 1_000])
        assert worker.exit() == 0
