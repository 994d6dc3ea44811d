"""Connections over Kafka: each begins once and ends once, with all its flows, whatever happens."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from tests.kafka.support.counting import ingest, owned, value
from tests.kafka.support.feeding import produce
from tests.kafka.support.workers import Worker, running, totals, wait
from tests.real.broker import Broker
from tests.support.connections import flows_of_round

_PARTITIONS = 4
_CONNECTIONS = 2_000
_ROUNDS = 5


def tracking(folder: Path, broker: Broker, topic: str, name: str, **fields: Any) -> Worker:
    """A worker that counts the connections of a topic, and the flows of those that have ended."""
    ended = {"metrics": [{"name": "flows_of_ended", "type": "counter", "value": "n"}]}
    seen = {"metrics": [{"name": "records", "type": "counter", "labels": ["_RecordType"]}]}
    stages: list[dict[str, Any]] = [
        ingest(broker.bootstrap, [topic]),
        {
            "name": "track",
            "type": "conntrack",
            "follows": "flows",
            "groups": {"a": ["SrcAddr", "SrcPort"], "b": ["DstAddr", "DstPort"], "p": ["Proto"]},
            "keys": {"groups": ["p"], "a": "a", "b": "b"},
            "records": ["newConnection", "endConnection"],
            "outputs": [{"name": "n", "operation": "count"}],
            "scheduling": [{"end": "10m", "terminate": 0}],
            "tcp_flags": {"field": "Flags", "detect_end": True},
            "idle": 0.5,
            **fields,
        },
        {"name": "seen", "type": "encode_prometheus", "follows": "track", **seen},
        {
            "name": "ends",
            "type": "filter",
            "follows": "track",
            "match": [{"field": "_RecordType", "value": "endConnection"}],
        },
        {"name": "ended", "type": "encode_prometheus", "follows": "ends", **ended},
    ]
    (folder / name).mkdir(exist_ok=True)
    config = folder / name / "kafka.yaml"
    config.write_text(yaml.safe_dump({"stages": stages, "checkpoint": {"interval": 0.3}}))
    return Worker(config, "worker")


def flows(number: int) -> Iterator[bytes]:
    """A flow of each connection; those of the last round have FIN."""
    return flows_of_round(_CONNECTIONS, number, last=number == _ROUNDS - 1)


def counted(*workers: Worker) -> dict[str, dict[tuple[str, ...], float]]:
    """The exact counters, once every flow is counted and every connection has ended."""
    kinds = [("_RecordType=newConnection",), ("_RecordType=endConnection",)]

    def done() -> bool:
        messages, counts = totals(*workers)
        ended = counts.get("records", {}).get(kinds[1], 0)
        return messages == _CONNECTIONS * _ROUNDS and ended >= _CONNECTIONS

    wait(done)
    return totals(*workers)[1]


OPEN = 'flowmatrix_conntrack_memory_connections{group="0: DEFAULT",phase="active"}'
TRUTH = {
    "records": {
        ("_RecordType=newConnection",): _CONNECTIONS,
        ("_RecordType=endConnection",): _CONNECTIONS,
    },
    "flows_of_ended": {(): _CONNECTIONS * _ROUNDS},
}


def test_a_worker_is_killed_after_every_round(kafka_broker: Broker, tmp_path: Path) -> None:
    """Also while it counts: its successor goes on with the connections that were open."""
    topic = "tracked-killed"
    kafka_broker.create_topic(topic, _PARTITIONS)
    for number in range(_ROUNDS):
        worker = tracking(tmp_path, kafka_broker, topic, f"worker-{number}")
        with running(worker):
            produce(kafka_broker.bootstrap, topic, flows(number), _PARTITIONS)
            if number == _ROUNDS - 1:
                assert counted(worker) == TRUTH
                return
            least = (number + 0.5) * _CONNECTIONS
            wait(lambda worker=worker, least=least: totals(worker)[0] >= least)  # type: ignore[misc] # bound at once
            worker.process.kill()


def test_connections_move_with_their_partitions(kafka_broker: Broker, tmp_path: Path) -> None:
    """To a second worker, and back when that one is killed."""
    topic = "tracked-moved"
    kafka_broker.create_topic(topic, _PARTITIONS)
    first, second = (tracking(tmp_path, kafka_broker, topic, name) for name in ("one", "two"))
    with running(first):
        produce(kafka_broker.bootstrap, topic, flows(0), _PARTITIONS)
        produce(kafka_broker.bootstrap, topic, flows(1), _PARTITIONS)
        wait(lambda: totals(first)[0] == 2 * _CONNECTIONS)
        with running(second):
            wait(lambda: len(owned(second)) == len(owned(first)) == _PARTITIONS / 2)
            produce(kafka_broker.bootstrap, topic, flows(2), _PARTITIONS)
            wait(lambda: totals(first, second)[0] == 3 * _CONNECTIONS)
            open_ones = [
                value(
                    each,
                    'flowmatrix_conntrack_memory_connections{group="0: DEFAULT",phase="active"}',
                )
                for each in (first, second)
            ]
            produce(kafka_broker.bootstrap, topic, flows(3), _PARTITIONS)
            second.process.kill()
        wait(lambda: len(owned(first)) == _PARTITIONS)
        produce(kafka_broker.bootstrap, topic, flows(4), _PARTITIONS)
        assert counted(first) == TRUTH
    assert open_ones == [_CONNECTIONS / 2, _CONNECTIONS / 2]


def test_connections_of_an_idle_topic_end(kafka_broker: Broker, tmp_path: Path) -> None:
    """Nothing comes any more, and what has ended is shown all the same, durable and once."""
    topic = "tracked-idle"
    kafka_broker.create_topic(topic, _PARTITIONS)
    scheduling = [{"end": 1, "heartbeat": "10m"}]
    worker = tracking(tmp_path, kafka_broker, topic, "idle", scheduling=scheduling)
    with running(worker):
        produce(kafka_broker.bootstrap, topic, flows(0), _PARTITIONS)
        wait(lambda: value(worker, 'records{_RecordType="endConnection"}') == _CONNECTIONS)
        assert totals(worker)[1]["flows_of_ended"] == {(): _CONNECTIONS}
        assert worker.exit() == 0
    again = tracking(tmp_path, kafka_broker, topic, "again", scheduling=scheduling)
    with running(again):
        produce(kafka_broker.bootstrap, topic, flows(1), _PARTITIONS)
        wait(lambda: value(again, 'records{_RecordType="endConnection"}') == _CONNECTIONS)
        assert totals(again)[1]["records"] == {
            ("_RecordType=newConnection",): 2 * _CONNECTIONS,
            ("_RecordType=endConnection",): 2 * _CONNECTIONS,
        }
