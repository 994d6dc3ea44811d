"""A worker that comes back with another configuration: what has changed starts again, no more."""

from __future__ import annotations

from pathlib import Path

import yaml

from tests.kafka.support.feeding import produce
from tests.kafka.support.workers import Worker, running, totals, wait
from tests.real.broker import Broker

_SMALL, _LARGE = b'{"Bytes":5,"Proto":6}', b'{"Bytes":500,"Proto":17}'


def counting(folder: Path, broker: Broker, query: str, text: str = "") -> Worker:
    """Counts all flows, and those that meet a query."""
    source = {"brokers": [broker.bootstrap], "topics": ["changing"], "group_id": "changing"}
    every = {"name": "every", "type": "counter", "value": "Bytes", "help": text}
    some = {"name": "some", "type": "counter", "value": "Bytes"}
    stages = [
        {"name": "flows", "type": "ingest_kafka", "decoder": "json", "linger": 0.1, **source},
        {"name": "all", "type": "encode_prometheus", "follows": "flows", "metrics": [every]},
        {"name": "met", "type": "filter", "follows": "flows", "query": query},
        {"name": "few", "type": "encode_prometheus", "follows": "met", "metrics": [some]},
    ]
    config = folder / "kafka.yaml"
    config.write_text(yaml.safe_dump({"stages": stages, "checkpoint": {"interval": 0.3}}))
    return Worker(config, "worker")


def counts(worker: Worker, messages: int) -> dict[str, float]:
    """The exact totals when so many messages are counted."""
    wait(lambda: totals(worker)[0] == messages)
    return {name: series[()] for name, series in totals(worker)[1].items() if series}


def test_a_metric_with_another_filter_starts_again(kafka_broker: Broker, tmp_path: Path) -> None:
    """The other metric, and one whose help text is another, go on."""
    kafka_broker.create_topic("changing", 4)

    def feed() -> None:
        produce(kafka_broker.bootstrap, "changing", [_SMALL, _LARGE] * 20, 4)

    feed()
    worker = counting(tmp_path, kafka_broker, "Proto=6")
    with running(worker):
        assert counts(worker, 40) == {"every": 20 * 505, "some": 20 * 5}
        assert worker.exit() == 0
    same = counting(tmp_path, kafka_broker, "Proto=6", "a better help text")
    with running(same):
        assert counts(same, 40) == {"every": 20 * 505, "some": 20 * 5}
        same.process.kill()
    assert "has changed" not in same.log.read_text()
    other = counting(tmp_path, kafka_broker, "Proto=17")
    for times in (1, 2):
        with running(other):
            feed()
            expected = {"every": (1 + times) * 20 * 505, "some": times * 20 * 500}
            assert counts(other, 40 + 40 * times) == expected
            other.process.kill()
    told = [line for line in other.log.read_text().splitlines() if "has changed" in line]
    assert [line.partition(": ")[2] for line in told] == [
        "metric some has changed: it starts again from zero"
    ]
