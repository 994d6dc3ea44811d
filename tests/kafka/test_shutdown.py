"""How a worker ends: in order on SIGTERM, at once on a second one."""

from __future__ import annotations

import signal
from pathlib import Path

from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition
from confluent_kafka.admin import AdminClient

from tests.kafka.support.counting import FLOW, counting, positions, reason, seen
from tests.kafka.support.feeding import produce
from tests.kafka.support.workers import Worker, running, totals, wait
from tests.real.broker import Broker


def waiting(folder: Path, broker: Broker, topic: str) -> Worker:
    """A worker whose batches wait until `go` is there."""
    broker.create_topic(topic, 1)
    produce(broker.bootstrap, topic, [FLOW] * 100, 1)
    return again(folder, broker, topic)


def again(folder: Path, broker: Broker, topic: str) -> Worker:
    """The same worker once more."""
    stage = {"name": "slow", "type": "log_batches", "until": str(folder / "go")}
    return counting(folder, broker.bootstrap, [topic], behind=[stage])


def go(folder: Path) -> None:
    """Let the batches go on."""
    (folder / "go").touch()


def begun(worker: Worker) -> bool:
    """Whether a batch is under way."""
    return "a batch of" in worker.log.read_text()


def test_it_finishes_the_batch_and_leaves_the_group(kafka_broker: Broker, tmp_path: Path) -> None:
    """On SIGTERM, the batch under way is counted, durable and committed."""
    worker = waiting(tmp_path, kafka_broker, "finished")
    with running(worker):
        wait(lambda: begun(worker))
        worker.process.signal(signal.SIGTERM)
        wait(lambda: reason(worker) != "")
        go(tmp_path)
        assert worker.ended() == 0
    admin = AdminClient({"bootstrap.servers": kafka_broker.bootstrap})
    group = admin.describe_consumer_groups(["of-finished"])["of-finished"].result()
    assert group.members == []
    asked = ConsumerGroupTopicPartitions("of-finished", [TopicPartition("finished", 0)])
    found = admin.list_consumer_group_offsets([asked])["of-finished"].result()
    assert [place.offset for place in found.topic_partitions] == [100]


def test_what_was_counted_before_is_not_counted_again(kafka_broker: Broker, tmp_path: Path) -> None:
    """After a stop in order, the next process goes on behind it and shows nothing of it."""
    worker = waiting(tmp_path, kafka_broker, "once")
    go(tmp_path)
    with running(worker):
        wait(lambda: positions(worker) == [100])
        assert worker.exit() == 0
    second = again(tmp_path, kafka_broker, "once")
    with running(second):
        wait(lambda: positions(second) == [100])
        assert totals(second)[1]["flows_seen"] == {(): 100}
        assert seen(second) == 0


def test_a_second_signal_ends_it_at_once(kafka_broker: Broker, tmp_path: Path) -> None:
    """A batch that takes forever is not waited for; its messages are counted by the next one."""
    worker = waiting(tmp_path, kafka_broker, "twice")
    with running(worker):
        wait(lambda: begun(worker))
        worker.process.signal(signal.SIGTERM)
        wait(lambda: reason(worker) != "")
        worker.process.signal(signal.SIGTERM)
        assert worker.ended() == -signal.SIGTERM
    go(tmp_path)
    second = again(tmp_path, kafka_broker, "twice")
    with running(second):
        wait(lambda: seen(second) == 100)


def test_a_second_signal_ends_all_workers_of_a_command(
    kafka_broker: Broker, tmp_path: Path
) -> None:
    """Also those that are still starting."""
    kafka_broker.create_topic("both", 2)
    worker = counting(tmp_path, kafka_broker.bootstrap, ["both"])
    worker.process.command += ["--workers", "2"]
    with running(worker):
        worker.process.signal(signal.SIGTERM)
        worker.process.signal(signal.SIGTERM)
        worker.ended()
