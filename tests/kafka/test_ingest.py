"""What comes in: codecs, floods and trickles, topics and sources of every kind."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from simulate import simulate
from tests.kafka.support.counting import FLOW, NewKafka, counting, positions, seen
from tests.kafka.support.feeding import produce
from tests.kafka.support.workers import Worker, running, totals, wait
from tests.real.broker import Broker
from tests.support.recordings import messages


def test_every_codec_and_several_topics(kafka_broker: Broker, tmp_path: Path) -> None:
    """Five topics, a codec each, one worker."""
    codecs = ["none", "gzip", "snappy", "lz4", "zstd"]
    topics = [f"in-{codec}" for codec in codecs]
    for codec, topic in zip(codecs, topics, strict=True):
        kafka_broker.create_topic(topic, 2)
        produce(kafka_broker.bootstrap, topic, [FLOW] * 500, 2, compression_type=codec)
    worker = counting(tmp_path, kafka_broker.bootstrap, topics)
    with running(worker):
        wait(lambda: seen(worker) == 2_500)


def test_a_trickle_is_shown(kafka_broker: Broker, tmp_path: Path) -> None:
    """A single message does not wait for others to come."""
    kafka_broker.create_topic("trickle", 1)
    settings: dict[str, Any] = {"linger": 1.0, "checkpoint": {"interval": 1.0}}
    worker = counting(tmp_path, kafka_broker.bootstrap, ["trickle"], **settings)
    with running(worker):
        for sent in range(1, 4):
            produce(kafka_broker.bootstrap, "trickle", [FLOW], 1)
            wait(lambda sent=sent: seen(worker) == sent)  # type: ignore[misc] # bound at once


def test_sources_of_one_pipeline(kafka_broker: Broker, tmp_path: Path) -> None:
    """Each has its own topics and decoder, and what follows it; one stage may follow both."""
    made = simulate("cluster", tmp_path / "c.pb", flows=1_000)
    for topic, payloads in {"agents": messages(made.recording), "apps": [FLOW] * 300}.items():
        kafka_broker.create_topic(topic, 2)
        produce(kafka_broker.bootstrap, topic, payloads, 2)
    shared: dict[str, Any] = {
        "type": "ingest_kafka",
        "brokers": [kafka_broker.bootstrap],
        "group_id": "both",
    }
    shared |= {"linger": 0.1}
    stages = [
        {"name": "agents", "topics": ["agents"], "decoder": "protobuf", **shared},
        {"name": "apps", "topics": ["apps"], "decoder": "json", **shared},
        counter("flows_seen", ["agents", "apps"]),
        counter("flows_of_apps", "apps"),
        counter("flows_of_agents", "agents"),
    ]
    config = tmp_path / "kafka.yaml"
    config.write_text(yaml.safe_dump({"stages": stages, "checkpoint": {"interval": 0.3}}))
    worker = Worker(config, "worker")
    with running(worker):
        wait(lambda: totals(worker)[0] == 1_300)
        counts = {name: sum(series.values()) for name, series in totals(worker)[1].items()}
    assert counts == {"flows_seen": 1_300, "flows_of_apps": 300, "flows_of_agents": 1_000}


def counter(name: str, follows: str | list[str]) -> dict[str, Any]:
    """A stage that counts flows."""
    metric = {"name": name, "type": "counter"}
    return {"name": name, "type": "encode_prometheus", "follows": follows, "metrics": [metric]}


def test_a_flood_comes_in_large_batches(kafka_broker: Broker, tmp_path: Path) -> None:
    """Large enough to be fast, small enough for the memory."""
    kafka_broker.create_topic("flood", 2)
    produce(kafka_broker.bootstrap, "flood", [FLOW] * 200_000, 2)
    sizes = [{"name": "sizes", "type": "log_batches"}]
    worker = counting(tmp_path, kafka_broker.bootstrap, ["flood"], linger=5.0, behind=sizes)
    with running(worker):
        wait(lambda: seen(worker) == 200_000)
    found = re.findall(r"a batch of (\d+)", worker.log.read_text())
    counts = [int(size) for size in found if int(size)]
    assert sum(counts) == 200_000
    assert sum(size for size in counts if size >= 10_000) > 180_000, counts
    assert max(counts) < 2 * 60_000, "`batch_size`, and what a poll has beyond it"


def test_a_broker_that_comes_later(new_kafka: NewKafka, tmp_path: Path) -> None:
    """It is waited for."""
    broker = new_kafka(None)
    broker.create_topic("late", 1)
    broker.stop()
    worker = counting(tmp_path / "w", broker.bootstrap, ["late"])
    with running(worker, ready=False):
        wait(lambda: "no broker answers" in str(worker.get("/readyz")[1].get("reason")))
        broker.start()
        produce(broker.bootstrap, "late", [FLOW] * 10, 1)
        wait(lambda: seen(worker) == 10)
        assert worker.get("/readyz")[0] == 200


def test_a_topic_that_comes_later_and_grows(kafka_broker: Broker, tmp_path: Path) -> None:
    """It is waited for."""
    worker = counting(tmp_path, kafka_broker.bootstrap, ["later"])
    with running(worker, ready=False):
        wait(lambda: worker.get("/readyz")[1].get("reason") == "no topic later yet")
        kafka_broker.create_topic("later", 1)
        produce(kafka_broker.bootstrap, "later", [FLOW] * 10, 1)
        wait(lambda: seen(worker) == 10)


def test_from_the_end(kafka_broker: Broker, tmp_path: Path) -> None:
    """What was there before is not counted."""
    kafka_broker.create_topic("end", 1)
    produce(kafka_broker.bootstrap, "end", [FLOW] * 10, 1)
    worker = counting(tmp_path, kafka_broker.bootstrap, ["end"], start_offset="last")
    with running(worker):
        wait(lambda: positions(worker) == [10])
        assert worker.exit() == 0
    produce(kafka_broker.bootstrap, "end", [FLOW] * 3, 1)
    with running(worker):
        wait(lambda: seen(worker) == 3)
