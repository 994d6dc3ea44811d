"""Offsets without a message to count: deleted, compacted, of transactions, or empty."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer

from tests.kafka.support.admin import delete_records, transactions
from tests.kafka.support.counting import FLOW, counting, positions, seen, value
from tests.kafka.support.feeding import produce
from tests.kafka.support.reading import no_fetch_waits
from tests.kafka.support.workers import Worker, running, wait
from tests.real.broker import Broker


def lost(worker: Worker, topic: str) -> float:
    """How many messages a worker says it has lost."""
    return value(worker, f'flowmatrix_kafka_lost{{topic="{topic}",partition="0"}}')


def lag(worker: Worker, topic: str) -> float:
    """How far it says it is behind; -1 before it says so."""
    sample = f'flowmatrix_kafka_lag{{topic="{topic}",partition="0"}}'
    return value(worker, sample) if sample in worker.get("/metrics")[1].decode() else -1


@pytest.mark.parametrize("after", [100, 0])
def test_retention_passes_a_frozen_worker(kafka_broker: Broker, tmp_path: Path, after: int) -> None:
    """The loss is logged and counted, also when nothing is left that comes after it."""
    topic = f"passed-{after}"
    kafka_broker.create_topic(topic, 1)
    produce(kafka_broker.bootstrap, topic, [FLOW] * 100, 1)
    worker = counting(tmp_path, kafka_broker.bootstrap, [topic], session_timeout=60)
    with running(worker):
        wait(lambda: seen(worker) == 100)
        assert lost(worker, topic) == 0
        worker.process.freeze()
        no_fetch_waits(kafka_broker.bootstrap, topic)
        produce(kafka_broker.bootstrap, topic, [FLOW] * 1_000, 1)
        delete_records(kafka_broker, topic, 1_100 - after)
        worker.process.thaw()
        wait(lambda: lost(worker, topic) > 0)
        wait(lambda: positions(worker) == [1_100])
        wait(lambda: seen(worker) == 100 + after)  # shown when the group has the position
        assert lost(worker, topic) == 1_000 - after
    assert worker.log.read_text().count(f"{1_000 - after} messages were deleted before") == 1


def test_retention_passes_a_worker_that_does_not_run(kafka_broker: Broker, tmp_path: Path) -> None:
    """It says so when it is started again."""
    kafka_broker.create_topic("away", 1)
    produce(kafka_broker.bootstrap, "away", [FLOW] * 100, 1)
    worker = counting(tmp_path, kafka_broker.bootstrap, ["away"])
    with running(worker):
        wait(lambda: positions(worker) == [100])
        assert worker.exit() == 0
    produce(kafka_broker.bootstrap, "away", [FLOW] * 1_000, 1)
    delete_records(kafka_broker, "away", 900)
    with running(worker):
        wait(lambda: seen(worker) == 200)
        assert lost(worker, "away") == 800


@pytest.mark.parametrize(("level", "flows"), [("read_committed", 8), ("read_uncommitted", 15)])
def test_transactions(kafka_broker: Broker, tmp_path: Path, level: str, flows: int) -> None:
    """Aborted messages are counted only when asked for; a marker at the end is no lag."""
    kafka_broker.create_topic(level, 1)
    parts = (([FLOW] * 5, True), ([FLOW] * 7, False), ([FLOW] * 3, True))
    transactions(kafka_broker, level, *parts)
    more: dict[str, Any] = {} if level == "read_committed" else {"isolation_level": level}
    worker = counting(tmp_path, kafka_broker.bootstrap, [level], **more)
    with running(worker):
        wait(lambda: seen(worker) == flows)
        wait(lambda: lag(worker, level) == 0)
        wait(lambda: positions(worker) == [18])
        assert lost(worker, level) == 0
        transactions(kafka_broker, level, ([FLOW] * 2, True))
        wait(lambda: seen(worker) == flows + 2)
        wait(lambda: positions(worker) == [21])


def test_an_open_transaction_is_waited_for(kafka_broker: Broker, tmp_path: Path) -> None:
    """It is neither counted nor lag, and holds back what comes after it."""
    kafka_broker.create_topic("open", 1)
    opened = Producer({"bootstrap.servers": kafka_broker.bootstrap, "transactional.id": "open"})
    opened.init_transactions(120)
    opened.begin_transaction()
    opened.produce("open", FLOW, partition=0)
    opened.flush(120)
    produce(kafka_broker.bootstrap, "open", [FLOW] * 3, 1)
    worker = counting(tmp_path, kafka_broker.bootstrap, ["open"])
    with running(worker):
        wait(lambda: lag(worker, "open") == 0)
        assert seen(worker) == 0
        opened.commit_transaction(120)
        wait(lambda: seen(worker) == 4)


def test_tombstones_and_empty_messages(kafka_broker: Broker, tmp_path: Path) -> None:
    """They are passed over, and counted as such: no rejects, no letters, no limit."""
    kafka_broker.create_topic("tombstones", 1, cleanup_policy="compact")
    producer = Producer({"bootstrap.servers": kafka_broker.bootstrap})
    for key, payload in [(b"a", FLOW), *((b"%d" % n, None) for n in range(4)), (b"b", b"")]:
        producer.produce("tombstones", payload, key=key, partition=0)
    producer.produce("tombstones", FLOW, key=b"c", partition=0)
    producer.flush(120)
    letters = {"topic": "dead-tombstones", "max_consecutive": 4}
    worker = counting(tmp_path, kafka_broker.bootstrap, ["tombstones"], dead_letters=letters)
    with running(worker):
        wait(lambda: seen(worker) == 2)
        wait(lambda: positions(worker) == [7])
        stage = '{stage="flows"}'
        assert value(worker, f"flowmatrix_ingest_empty{stage}") == 5
        assert value(worker, f"flowmatrix_ingest_flows_processed{stage}") == 2
        assert value(worker, f"flowmatrix_stage_flows_in{stage}") == 2
        assert value(worker, f"flowmatrix_stage_flows_rejected{stage}") == 0
        assert value(worker, 'flowmatrix_kafka_rejected{topic="tombstones",partition="0"}') == 0
        assert "flowmatrix_dead_letters{" not in worker.get("/metrics")[1].decode()


def test_a_topic_of_tombstones_alone(kafka_broker: Broker, tmp_path: Path) -> None:
    """The position moves on, so that the lag is 0."""
    kafka_broker.create_topic("nothing", 1)
    producer = Producer({"bootstrap.servers": kafka_broker.bootstrap})
    for _ in range(10):
        producer.produce("nothing", None, key=b"a", partition=0)
    producer.flush(120)
    worker = counting(tmp_path, kafka_broker.bootstrap, ["nothing"])
    with running(worker):
        wait(lambda: positions(worker) == [10])
        wait(lambda: lag(worker, "nothing") == 0)
