"""Groups of `aggregates` and `timebased` over Kafka: exact over kills, and forgotten."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from tests.kafka.support.counting import ingest, value
from tests.kafka.support.feeding import produce
from tests.kafka.support.workers import Worker, running, totals, wait
from tests.real.broker import Broker

_GROUPS, _ROUND, _ROUNDS = 20, 2_000, 3


def grouping(folder: Path, broker: Broker, topic: str, *, expiry: str = "1h") -> Worker:
    """A worker that shows the sums of both stages; a flow without its group is left out by them."""
    totalled = {"name": "totalled", "type": "gauge", "value": "total_value", "labels": ["SrcAddr"]}
    windowed = {"name": "windowed", "type": "gauge", "value": "Bytes", "labels": ["SrcAddr"]}
    rule = {"name": "r", "by": ["SrcAddr"], "operation": "sum", "value": "Bytes"}
    stages: list[dict[str, Any]] = [
        ingest(broker.bootstrap, [topic]),
        {
            "name": "all",
            "type": "aggregates",
            "follows": "flows",
            "rules": [rule | {"expiry": expiry}],
        },
        {"name": "seen", "type": "encode_prometheus", "follows": "all", "metrics": [totalled]},
        {
            "name": "last",
            "type": "timebased",
            "follows": "flows",
            "rules": [rule | {"window": expiry}],
        },
        {"name": "shown", "type": "encode_prometheus", "follows": "last", "metrics": [windowed]},
    ]
    folder.mkdir()
    config = folder / "kafka.yaml"
    config.write_text(yaml.safe_dump({"stages": stages, "checkpoint": {"interval": 0.3}}))
    return Worker(config, "worker")


def flows(number: int) -> Iterable[bytes]:
    """Flows of every group in turn, one of 10 without its group."""
    for n in range(number * _ROUND, (number + 1) * _ROUND):
        group = {"SrcAddr": f"10.0.0.{n % _GROUPS}"} if n % 10 else {}
        yield json.dumps(group | {"Bytes": n}).encode()


def truth(rounds: int) -> dict[str, float]:
    found: dict[str, float] = {}
    for n in range(rounds * _ROUND):
        if n % 10:
            name = f"10.0.0.{n % _GROUPS}"
            found[name] = found.get(name, 0) + n
    return found


def shown(worker: Worker) -> list[dict[str, float]]:
    """What both metrics say of the groups."""
    return [
        {name: value(worker, f'{metric}{{SrcAddr="{name}"}}') for name in truth(1)}
        for metric in ("totalled", "windowed")
    ]


def test_workers_are_killed_between_and_within_rounds(kafka_broker: Broker, tmp_path: Path) -> None:
    topic = "aggregated-killed"
    kafka_broker.create_topic(topic, 1)
    for number in range(_ROUNDS):
        worker = grouping(tmp_path / str(number), kafka_broker, topic)
        with running(worker):
            produce(kafka_broker.bootstrap, topic, flows(number), 1)
            if number < _ROUNDS - 1:
                least = number * _ROUND + 1
                wait(lambda worker=worker, least=least: totals(worker)[0] >= least)  # type: ignore[misc] # bound at once
                worker.process.kill()
                continue
            wait(lambda worker=worker: shown(worker) == [truth(_ROUNDS)] * 2)  # type: ignore[misc] # bound at once


def test_groups_are_forgotten(kafka_broker: Broker, tmp_path: Path) -> None:
    """Also by the worker that goes on after a kill: flows of others end it, and it begins anew.

    The time in which nobody had the partition does not count.
    """
    topic = "aggregated-forgotten"
    kafka_broker.create_topic(topic, 1)
    first = grouping(tmp_path / "first", kafka_broker, topic, expiry="1s")
    with running(first):
        produce(kafka_broker.bootstrap, topic, flows(0), 1)
        wait(lambda: totals(first)[0] == _ROUND)
        first.process.kill()
    second = grouping(tmp_path / "second", kafka_broker, topic, expiry="1s")
    with running(second):
        for number, name in enumerate(("10.1.0.1", "10.1.0.2", "10.0.0.1"), 1):
            flow = json.dumps({"SrcAddr": name, "Bytes": 5}).encode()
            produce(kafka_broker.bootstrap, topic, [flow], 1)
            wait(lambda number=number: totals(second)[0] == _ROUND + number)  # type: ignore[misc] # bound at once
            time.sleep(1.5)  # longer than the group is kept
        wait(lambda: [found["10.0.0.1"] for found in shown(second)] == [5, 5])
