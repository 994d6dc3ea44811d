"""First and last seen are the times of the flows, over several workers and after one has gone."""

from __future__ import annotations

import csv
import io
import json
import subprocess
from pathlib import Path
from typing import Any

import yaml

from tests.kafka.support.counting import owned, positions
from tests.kafka.support.feeding import produce
from tests.kafka.support.workers import COMMAND, Worker, running, totals, wait
from tests.real.broker import Broker

_ENDS = {
    f"{end}K8S_{field}": text
    for end, names in {
        "Src": {"Namespace": "a", "OwnerName": "web", "OwnerType": "Deployment"},
        "Dst": {"Namespace": "b", "OwnerName": "db", "OwnerType": "StatefulSet"},
    }.items()
    for field, text in names.items()
}
_START = 1_700_000_000  # 2023-11-14T22:13:20Z


def flow(second: int) -> bytes:
    """A connection that ended so many seconds after the start."""
    return json.dumps(_ENDS | {"DstPort": 5432, "TimeFlowEndMs": 1000 * (_START + second)}).encode()


def member(folder: Path, broker: Broker, name: str) -> Worker:
    """A worker that counts connections by their ends."""
    source: dict[str, Any] = {"brokers": [broker.bootstrap], "topics": ["seen"], "group_id": "seen"}
    metric = {"name": "opened", "labels": [*_ENDS, "DstPort"]}
    stages = [
        {"name": "flows", "type": "ingest_kafka", "decoder": "json", "linger": 0.1, **source},
        {"name": "count", "type": "encode_prometheus", "follows": "flows", "metrics": [metric]},
    ]
    config = folder / "kafka.yaml"
    config.write_text(yaml.safe_dump({"stages": stages, "checkpoint": {"interval": 0.3}}))
    return Worker(config, name)


def matrix(*workers: Worker) -> tuple[str, str, str]:
    """The one row of the matrix over these workers: count, first and last seen."""
    servers = [part for w in workers for part in ("--server", f"http://127.0.0.1:{w.port}")]
    options = ["--namespace", "a", "--direction", "out", "--format", "csv"]
    done = subprocess.run(
        [COMMAND, "matrix", *servers, *options],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    [row] = csv.DictReader(io.StringIO(done.stdout.strip()))
    return row["count"], row["first_seen"], row["last_seen"]


def test_the_times_of_flows_over_two_workers(kafka_broker: Broker, tmp_path: Path) -> None:
    """The first was read by one worker, the last by the other, in no order of time."""
    kafka_broker.create_topic("seen", 2)
    one, two = (member(tmp_path, kafka_broker, name) for name in ("one", "two"))
    with running(one, two):
        wait(lambda: len(owned(one)) == len(owned(two)) == 1)
        # in turn to partition 1 and 0: 7, 3, 5 and 12, 4, 6
        seconds = [7, 12, 3, 4, 5, 6]
        produce(kafka_broker.bootstrap, "seen", map(flow, seconds), 2)
        wait(lambda: totals(one, two)[0] == 6)
        assert matrix(one, two) == ("6", "2023-11-14T22:13:23Z", "2023-11-14T22:13:32Z")
        produce(kafka_broker.bootstrap, "seen", map(flow, [1, 30]), 2)
        wait(lambda: totals(one, two)[0] == 8)
        expected = "8", "2023-11-14T22:13:21Z", "2023-11-14T22:13:50Z"
        assert matrix(one, two) == expected
        one.process.kill()
        wait(lambda: positions(two) == [4, 4])
        assert matrix(two) == expected, "also from the changelog"
