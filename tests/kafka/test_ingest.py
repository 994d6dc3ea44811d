"""What comes in: codecs, floods and trickles, topics and sources of every kind."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from simulate import simulate
from tests.kafka.feeding import produce
from tests.kafka.workers import Worker, running, totals, wait
from tests.real.broker import Broker
from tests.real.kafka import Kafka
from tests.real.listeners import Security
from tests.support.recordings import messages

NewKafka = Callable[[Security | None], Kafka]
_FLOW = b'{"SrcAddr":"10.0.0.1","DstAddr":"10.0.0.2","Bytes":5,"Flags":2}'


def counting(folder: Path, broker: str, topics: list[str], **more: Any) -> Worker:
    """A worker that counts JSON flows; `more` are settings, or belong to the source."""
    settings: dict[str, Any] = {
        name: more.pop(name) for name in ("dead_letters", "checkpoint", "log_level") if name in more
    }
    source = {"brokers": [broker], "topics": topics, "decoder": "json", "linger": 0.1}
    source |= {"group_id": f"of-{topics[0]}", **more}
    count = {"name": "flows_seen", "type": "counter"}
    stages = [
        {"name": "flows", "type": "ingest_kafka", **source},
        {"name": "seen", "type": "encode_prometheus", "follows": "flows", "metrics": [count]},
    ]
    folder.mkdir(exist_ok=True)
    config = folder / "kafka.yaml"
    settings = {"checkpoint": {"interval": 0.3}} | settings
    config.write_text(yaml.safe_dump({"stages": stages, **settings}))
    return Worker(config, "worker")


def seen(worker: Worker) -> float:
    """The counter of all flows, as shown."""
    for line in worker.get("/metrics")[1].decode().splitlines():
        if line.startswith("flows_seen "):
            return float(line.split()[1])
    return 0


def positions(worker: Worker) -> list[int]:
    """How far the partitions are counted for good."""
    return [place["position"] for place in worker.get("/api/v0/progress")[1]["partitions"]]


def test_every_codec_and_several_topics(kafka_broker: Broker, tmp_path: Path) -> None:
    codecs = ["none", "gzip", "snappy", "lz4", "zstd"]
    topics = [f"in-{codec}" for codec in codecs]
    for codec, topic in zip(codecs, topics, strict=True):
        kafka_broker.create_topic(topic, 2)
        produce(kafka_broker.bootstrap, topic, [_FLOW] * 500, 2, compression_type=codec)
    worker = counting(tmp_path, kafka_broker.bootstrap, topics)
    with running(worker):
        wait(lambda: seen(worker) == 2_500)


def test_a_trickle_is_shown_soon(kafka_broker: Broker, tmp_path: Path) -> None:
    kafka_broker.create_topic("trickle", 1)
    settings = {"linger": 1.0, "checkpoint": {"interval": 1.0}}
    worker = counting(tmp_path, kafka_broker.bootstrap, ["trickle"], **settings)
    with running(worker):
        for sent in range(1, 4):
            produce(kafka_broker.bootstrap, "trickle", [_FLOW], 1)
            start = time.monotonic()
            wait(lambda sent=sent: seen(worker) == sent)  # type: ignore[misc] # bound at once
            assert time.monotonic() - start < 3.5


def test_sources_of_one_pipeline(kafka_broker: Broker, tmp_path: Path) -> None:
    """Each has its own topics and decoder, and what follows it; one stage may follow both."""
    made = simulate("cluster", tmp_path / "c.pb", flows=1_000)
    for topic, payloads in {"agents": messages(made.recording), "apps": [_FLOW] * 300}.items():
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
    kafka_broker.create_topic("flood", 2)
    produce(kafka_broker.bootstrap, "flood", [_FLOW] * 200_000, 2)
    worker = counting(tmp_path, kafka_broker.bootstrap, ["flood"], linger=1.0)
    worker.process.command[:1] = [sys.executable, "-c", _TELLING]
    with running(worker):
        wait(lambda: seen(worker) == 200_000)
    found = re.findall(r"a batch of (\d+)", worker.log.read_text())
    sizes = [int(size) for size in found if int(size)]
    assert sum(sizes) == 200_000
    assert sum(size for size in sizes if size >= 10_000) > 180_000, sizes
    assert max(sizes) < 60_000, "and memory is bounded"


_TELLING = """
import sys
from pipeline.cli import main
from pipeline.plan.plan import Plan

run = Plan.run

def told(self, source, payloads):
    print("a batch of", len(payloads), file=sys.stderr)
    return run(self, source, payloads)

Plan.run = told
main()
"""
"""`flowmatrix` that tells how large its batches are."""


def test_a_broker_that_comes_later(new_kafka: NewKafka, tmp_path: Path) -> None:
    broker = new_kafka(None)
    broker.create_topic("late", 1)
    broker.stop()
    worker = counting(tmp_path / "w", broker.bootstrap, ["late"])
    with running(worker, ready=False):
        wait(lambda: "no broker answers" in str(worker.get("/readyz")[1].get("reason")))
        broker.start()
        produce(broker.bootstrap, "late", [_FLOW] * 10, 1)
        wait(lambda: seen(worker) == 10)
        assert worker.get("/readyz")[0] == 200


def test_a_topic_that_comes_later_and_grows(kafka_broker: Broker, tmp_path: Path) -> None:
    worker = counting(tmp_path, kafka_broker.bootstrap, ["later"])
    with running(worker, ready=False):
        wait(lambda: worker.get("/readyz")[1].get("reason") == "no topic later yet")
        kafka_broker.create_topic("later", 1)
        produce(kafka_broker.bootstrap, "later", [_FLOW] * 10, 1)
        wait(lambda: seen(worker) == 10)


def test_from_the_end(kafka_broker: Broker, tmp_path: Path) -> None:
    kafka_broker.create_topic("end", 1)
    produce(kafka_broker.bootstrap, "end", [_FLOW] * 10, 1)
    worker = counting(tmp_path, kafka_broker.bootstrap, ["end"], start_offset="last")
    with running(worker):
        wait(lambda: positions(worker) == [10])
        assert worker.exit() == 0
    produce(kafka_broker.bootstrap, "end", [_FLOW] * 3, 1)
    with running(worker):
        wait(lambda: seen(worker) == 3)
