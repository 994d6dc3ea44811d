"""The examples of the stages that talk to Kafka, on a real broker."""

from __future__ import annotations

import json
from pathlib import Path

from stages.encode_kafka import EncodeKafka
from stages.ingest_kafka import IngestKafka
from tests.kafka.support.feeding import produce
from tests.kafka.support.reading import read
from tests.kafka.support.workers import Worker, running
from tests.real.broker import Broker


def test_messages_come_in_as_one_says_and_go_out_as_the_other_says(
    kafka_broker: Broker, tmp_path: Path
) -> None:
    """A worker runs both, one behind the other; only brokers, topics and group differ."""
    kafka_broker.create_topic("example-in")
    kafka_broker.create_topic("example-out")
    config = f"stages:\n{IngestKafka.example.config}\n{EncodeKafka.example.config}\n"
    for example, here in (
        ("localhost:9092", kafka_broker.bootstrap),
        ("network-flows", "example-in"),
        ("enriched-flows", "example-out"),
        ("decoder: json\n", "decoder: json\n  group_id: example\n"),
    ):
        assert example in config
        config = config.replace(example, here)
    path = tmp_path / "example.yaml"
    path.write_text(config)
    flows = [IngestKafka.example.flows, EncodeKafka.example.flows]
    produce(kafka_broker.bootstrap, "example-in", [flow.encode() for flow in flows], 1)
    with running(Worker(path, "worker")):
        first, second = read(kafka_broker.bootstrap, "example-out", 2, seconds=60)
    received = json.loads(first.value)
    assert received.pop("TimeReceived") > 0
    assert received == json.loads(IngestKafka.example.output)
    assert second.value.decode() == EncodeKafka.example.output
