"""How a worker ends: in order on SIGTERM, at once on a second one."""

from __future__ import annotations

import signal
import sys
import time
from pathlib import Path

from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition
from confluent_kafka.admin import AdminClient

from tests.kafka.feeding import produce
from tests.kafka.test_ingest import _FLOW, counting, positions, seen
from tests.kafka.workers import Worker, running, totals, wait
from tests.real.broker import Broker

_SLOW = """
import sys, time
from pipeline.cli import main
from pipeline.plan.plan import Plan

run = Plan.run

def slow(self, source, payloads):
    print("a batch begins", file=sys.stderr)
    time.sleep(SECONDS)
    return run(self, source, payloads)

Plan.run = slow
main()
"""
"""`flowmatrix` that takes its time for each batch."""


def slow(folder: Path, broker: Broker, topic: str, seconds: float) -> Worker:
    broker.create_topic(topic, 1)
    produce(broker.bootstrap, topic, [_FLOW] * 100, 1)
    worker = counting(folder, broker.bootstrap, [topic])
    script = _SLOW.replace("SECONDS", str(seconds))
    worker.process.command[:1] = [sys.executable, "-c", script]
    return worker


def begun(worker: Worker) -> bool:
    return "a batch begins" in worker.log.read_text()


def test_it_finishes_the_batch_and_leaves_the_group(kafka_broker: Broker, tmp_path: Path) -> None:
    worker = slow(tmp_path, kafka_broker, "finished", 3)
    with running(worker):
        wait(lambda: begun(worker))
        start = time.monotonic()
        assert worker.exit() == 0
        assert time.monotonic() - start > 1, "the batch was under way"
    admin = AdminClient({"bootstrap.servers": kafka_broker.bootstrap})
    group = admin.describe_consumer_groups(["of-finished"])["of-finished"].result()
    assert group.members == []
    asked = ConsumerGroupTopicPartitions("of-finished", [TopicPartition("finished", 0)])
    found = admin.list_consumer_group_offsets([asked])["of-finished"].result()
    assert [place.offset for place in found.topic_partitions] == [100]
    again = counting(tmp_path, kafka_broker.bootstrap, ["finished"])
    with running(again):
        wait(lambda: positions(again) == [100])
        assert totals(again)[1]["flows_seen"] == {(): 100}
        assert seen(again) == 0, "it was counted before"


def test_a_second_signal_ends_it_at_once(kafka_broker: Broker, tmp_path: Path) -> None:
    worker = slow(tmp_path, kafka_broker, "twice", 60)
    with running(worker):
        wait(lambda: begun(worker))
        worker.process.signal(signal.SIGTERM)
        time.sleep(1)
        assert worker.process.running
        start = time.monotonic()
        worker.process.signal(signal.SIGTERM)
        assert worker.ended(seconds=5) == -signal.SIGTERM
        assert time.monotonic() - start < 1
    again = counting(tmp_path, kafka_broker.bootstrap, ["twice"])
    with running(again):
        wait(lambda: seen(again) == 100)


def test_a_second_signal_ends_all_workers_of_a_command(
    kafka_broker: Broker, tmp_path: Path
) -> None:
    kafka_broker.create_topic("both", 2)
    worker = counting(tmp_path, kafka_broker.bootstrap, ["both"])
    worker.process.command += ["--workers", "2"]
    with running(worker):
        worker.process.signal(signal.SIGTERM)
        worker.process.signal(signal.SIGTERM)
        start = time.monotonic()
        worker.ended(seconds=5)
        assert time.monotonic() - start < 3
