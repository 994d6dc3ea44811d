"""Reports about Kafka: the configuration of each, as it is, with the messages of each.

Only the brokers are those of the test, and `${T}` and `${G}` a topic and a group.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml
from confluent_kafka import Producer

from tests.kafka.support.admin import allow, delete_records, delete_topic, transactions
from tests.kafka.support.counting import NewKafka, positions, reason, value
from tests.kafka.support.feeding import produce
from tests.kafka.support.joining import BACK, guarded_broker, other_member, refused
from tests.kafka.support.reading import no_fetch_waits
from tests.kafka.support.workers import Worker, running, wait
from tests.real.broker import Broker

REPORTED = Path(__file__).parent / "reported"
_BROKERS = re.compile(r"brokers: \[.*?\]")


def flow(protocol: int, size: int) -> bytes:
    """A flow of the reports."""
    return json.dumps({"Proto": protocol, "Bytes": size}).encode()


def reported(
    report: str,
    folder: Path,
    broker: str,
    topic: str,
    *,
    group: str = "",
    config: str = "config.yaml",
) -> Worker:
    """A worker of a report's configuration."""
    text = (REPORTED / report / config).read_text()
    text = _BROKERS.sub(f'brokers: ["{broker}"]', text)
    path = folder / "config.yaml"
    path.write_text(text.replace("${T}", topic).replace("${G}", group or f"g{topic}"))
    return Worker(path, "worker")


def flows(worker: Worker, protocol: int = 6) -> float:
    """The flows of a protocol, as shown."""
    return value(worker, f'flows_total{{Proto="{protocol}"}}')


def test_a_plain_consumer_has_the_group(kafka_broker: Broker, tmp_path: Path) -> None:
    """tulios/kafkajs#630, #463."""
    kafka_broker.create_topic("tr1", 1)
    produce(kafka_broker.bootstrap, "tr1", [flow(6, 1)] * 10, 1)
    group = "flowlogs-pipeline"
    worker = reported("kafka-fatal-join", tmp_path, kafka_broker.bootstrap, "tr1", group=group)
    with other_member(kafka_broker, group, "tr1") as leave, running(worker, ready=False):
        why = "another program has the same group_id"
        refused(worker, why, "InconsistentGroupProtocolError")
        leave()
        wait(lambda: reason(worker) == "", seconds=BACK)
        wait(lambda: flows(worker) == 10)


@pytest.mark.parametrize("session", ["2", "1h"])
def test_a_session_timeout_out_of_range(kafka_broker: Broker, tmp_path: Path, session: str) -> None:
    """dpkp/kafka-python#837, Azure/azure-event-hubs-for-kafka#22, mostafa/xk6-kafka#197."""
    topic = f"tr1-{session}"
    kafka_broker.create_topic(topic, 1)
    worker = reported(
        *("kafka-fatal-join", tmp_path, kafka_broker.bootstrap, topic),
        config="config-session-2s.yaml",
    )
    path = tmp_path / "config.yaml"
    path.write_text(path.read_text().replace("session_timeout: 2", f"session_timeout: {session}"))
    with running(worker, ready=False):
        refused(worker, "do not take this session_timeout", "InvalidSessionTimeoutError")


def test_a_user_that_may_not_read_the_group(new_kafka: NewKafka, tmp_path: Path) -> None:
    """oleksiyk/kafka#269: the right is granted later, for every group."""
    broker = guarded_broker(new_kafka)
    allow(broker, "flow", "TOPIC", "guarded", "READ", "DESCRIBE")
    allow(broker, "flow", "TOPIC", "flowmatrix-", "ALL")
    group = "flowmatrix-g"
    worker = reported("kafka-fatal-join", tmp_path, broker.secure, "guarded", group=group)
    (tmp_path / "password").write_text("pw")
    path = tmp_path / "config.yaml"
    document = yaml.safe_load(path.read_text())
    document["stages"][0]["sasl"] = {"username": "flow", "password_file": "password"}
    path.write_text(yaml.safe_dump(document))
    with running(worker, ready=False):
        refused(worker, f"not authorized to read group {group}", "GroupAuthorizationFailedError")
        allow(broker, "flow", "GROUP", "*", "READ")
        wait(lambda: reason(worker) == "", seconds=BACK)
        wait(lambda: positions(worker) == [5])


def test_retention_passes_a_worker(kafka_broker: Broker, tmp_path: Path) -> None:
    """apache/pinot#12608, linkedin/li-apache-kafka-clients#185, PostHog/posthog#20283."""
    kafka_broker.create_topic("tr2", 1)
    produce(kafka_broker.bootstrap, "tr2", [flow(6, 1)] * 100, 1)
    worker = reported("kafka-retention-passed-worker", tmp_path, kafka_broker.bootstrap, "tr2")
    with running(worker):
        wait(lambda: flows(worker) == 100)
        worker.process.freeze()
        no_fetch_waits(kafka_broker.bootstrap, "tr2")
        produce(kafka_broker.bootstrap, "tr2", [flow(6, 1)] * 1_000, 1)
        delete_records(kafka_broker, "tr2", 900)
        worker.process.thaw()
        wait(lambda: flows(worker) == 300)
        assert value(worker, 'flowmatrix_kafka_lost{topic="tr2",partition="0"}') == 800
    assert "800 messages were deleted before they were counted" in worker.log.read_text()


def test_tombstones(kafka_broker: Broker, tmp_path: Path) -> None:
    """confluentinc/ksql#1100, feldera/feldera#6707, mateusjunges/laravel-kafka#337."""
    kafka_broker.create_topic("tomb2", 1)
    producer = Producer({"bootstrap.servers": kafka_broker.bootstrap})
    keys = [b"a", *(b"k%d" % number for number in range(5)), b"b"]
    for key in keys:
        producer.produce("tomb2", flow(6, 1) if key in {b"a", b"b"} else None, key)
    assert producer.flush(120) == 0
    worker = reported("kafka-tombstones", tmp_path, kafka_broker.bootstrap, "tomb2")
    with running(worker):
        wait(lambda: flows(worker) == 2)
        wait(lambda: positions(worker) == [7])
        assert value(worker, 'flowmatrix_ingest_flows_processed{stage="in"}') == 2
        assert value(worker, 'flowmatrix_ingest_empty{stage="in"}') == 5
        assert value(worker, 'flowmatrix_kafka_rejected{topic="tomb2",partition="0"}') == 0
        assert worker.exit() == 0


@pytest.mark.parametrize("runs", [False, True])
def test_a_topic_that_is_made_again(
    kafka_broker: Broker,
    tmp_path: Path,
    runs: bool,  # noqa: FBT001 - a parameter of pytest
) -> None:
    """streamnative/kop#616, confluentinc/librdkafka#3255, twmb/franz-go#1426."""
    topic = f"rc{1 + runs}"
    kafka_broker.create_topic(topic, 1)
    produce(kafka_broker.bootstrap, topic, [flow(6, 1)] * 100, 1)
    worker = reported("kafka-topic-recreated", tmp_path, kafka_broker.bootstrap, topic)

    def again() -> None:
        delete_topic(kafka_broker, topic)
        kafka_broker.create_topic(topic, 1)
        produce(kafka_broker.bootstrap, topic, [flow(6, 1_000)] * 150, 1)

    with running(worker):
        wait(lambda: flows(worker) == 100)
        wait(lambda: positions(worker) == [100])
        if runs:
            again()
            assert worker.ended() == 1
        else:
            assert worker.exit() == 0
    if not runs:
        again()
        with running(worker, ready=False):
            assert worker.ended() == 1
    assert f"topic {topic} was deleted and made again since it was counted" in (
        worker.log.read_text()
    )


def test_transactions(kafka_broker: Broker, tmp_path: Path) -> None:
    """dpkp/kafka-python#1707, tulios/kafkajs#202; kedacore/keda#5675 (a lag of one for ever)."""
    kafka_broker.create_topic("tx1", 1)
    parts = (
        ([flow(6, 1)] * 5, True),
        ([flow(17, 1)] * 7, False),
        ([flow(6, 100)] * 3, True),
    )
    transactions(kafka_broker, "tx1", *parts)
    worker = reported("kafka-transactions", tmp_path, kafka_broker.bootstrap, "tx1")
    with running(worker):
        wait(lambda: flows(worker) == 8)
        wait(lambda: positions(worker) == [18])
        assert flows(worker, 17) == 0
        assert value(worker, 'bytes_total{Proto="6"}') == 305
        lag = 'flowmatrix_kafka_lag{topic="tx1",partition="0"} 0\n'
        wait(lambda: lag in worker.get("/metrics")[1].decode())
