"""What reaches a server from Kafka when the worker is killed, against docs/write.md."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from tests.kafka.support.counting import ingest, value
from tests.kafka.support.feeding import produce
from tests.kafka.support.workers import Worker, running, totals, wait
from tests.real.broker import Broker
from tests.real.push_receiver import PushReceiver

_HALF = 3_000
_TOPIC = "pushed-over-a-kill"
_AWAY = [503] * 10_000


def pushing(folder: Path, broker: Broker, receiver: PushReceiver) -> Worker:
    """A worker that pushes flows to Loki and, as records of OTLP, to a collector."""
    count = {"name": "flows_seen", "type": "counter"}
    retry = {"min_backoff": "50ms", "max_backoff": "100ms", "max_retries": 10_000}
    soon = {"batch": {"wait": "100ms"}, "retry": retry}
    stages: list[dict[str, Any]] = [
        ingest(broker.bootstrap, [_TOPIC]),
        {"name": "seen", "type": "encode_prometheus", "follows": "flows", "metrics": [count]},
        {"name": "loki", "type": "write_loki", "follows": "flows", "url": receiver.url,
         "static_labels": {"app": "flows"}, **soon},
        {"name": "otlp", "type": "encode_otlplogs", "follows": "flows",
         "endpoint": f"127.0.0.1:{receiver.port}", "protocol": "http", **soon},
    ]  # fmt: skip
    folder.mkdir()
    config = folder / "kafka.yaml"
    config.write_text(yaml.safe_dump({"stages": stages, "checkpoint": {"interval": 0.3}}))
    return Worker(config, "worker")


def flows(numbers: range) -> Iterable[bytes]:
    return (json.dumps({"n": number}).encode() for number in numbers)


def taken(receiver: PushReceiver) -> tuple[list[int], list[int]]:
    """The numbers of the flows that Loki and the collector took, sorted."""
    lines, records = [], []
    for one in receiver.received():
        if one.status >= 300:
            continue
        if one.path == "/v1/logs":
            records += [
                json.loads(record["body"]["stringValue"])["n"]
                for resource in one.body["resourceLogs"]
                for scope in resource["scopeLogs"]
                for record in scope["logRecords"]
            ]
        else:
            entries = (entry for stream in one.body for entry in stream["entries"])
            lines += [json.loads(entry["line"])["n"] for entry in entries]
    return sorted(lines), sorted(records)


def counted(worker: Worker, messages: int) -> None:
    wait(lambda: totals(worker)[0] == messages)


def test_a_worker_is_killed_while_the_servers_are_away(
    kafka_broker: Broker, push_receiver: PushReceiver, tmp_path: Path
) -> None:
    """Counters are exact; the queue is lost with the process, and what comes later arrives once.

    What was counted for good before the kill does not come again, so it never reaches the servers.
    """
    kafka_broker.create_topic(_TOPIC, 2)
    push_receiver.answer(*_AWAY)
    first = pushing(tmp_path / "first", kafka_broker, push_receiver)
    with running(first):
        produce(kafka_broker.bootstrap, _TOPIC, flows(range(_HALF)), 2)
        counted(first, _HALF)
        for stage in ("loki", "otlp"):
            wait(lambda stage=stage: measured(first, stage)[2] == _HALF)  # type: ignore[misc] # bound at once
        first.process.kill()
    second = pushing(tmp_path / "second", kafka_broker, push_receiver)
    with running(second):
        produce(kafka_broker.bootstrap, _TOPIC, flows(range(_HALF, 2 * _HALF)), 2)
        counted(second, 2 * _HALF)
        assert taken(push_receiver) == ([], [])
        push_receiver.answer()
        later = list(range(_HALF, 2 * _HALF))
        wait(lambda: taken(push_receiver) == (later, later))
        assert totals(second)[1]["flows_seen"] == {(): 2 * _HALF}
        for stage in ("loki", "otlp"):
            wait(lambda stage=stage: measured(second, stage) == (_HALF, 0, 0))  # type: ignore[misc] # bound at once


def measured(worker: Worker, stage: str) -> tuple[float, ...]:
    """The flows of a stage that are written, lost and waiting."""
    names = ("records_written", "records_lost", "write_queue_flows")
    return tuple(value(worker, f'flowmatrix_{name}{{stage="{stage}"}}') for name in names)
