"""The health of a worker that has run."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from page.health import Health, PartitionHealth, WorkerHealth
from pipeline.app.job import Job
from pipeline.config.loader import loads
from pipeline.exposition.self_metrics import PartitionStatus

CONFIG = """
limits: {max_series: 100}
stages:
- {name: in, type: ingest_file, path: flows.json, decoder: json}
- name: out
  type: encode_prometheus
  follows: in
  max_series_per_metric: 2
  metrics: [{name: bytes, type: counter, labels: [SrcAddr], value: Bytes}]
"""
FLOWS = """
{"SrcAddr": "10.0.0.1", "Bytes": 1}
{"SrcAddr": "10.0.0.2", "Bytes": 1}
{"SrcAddr": "10.0.0.3", "Bytes": 1}
{"SrcAddr": "10.0.0.1", "Bytes": "many"}
not a flow
"""


@pytest.fixture
def job(tmp_path: Path) -> Iterator[Job]:
    (tmp_path / "flows.json").write_text(FLOWS)
    found = Job(loads(CONFIG, "p.yaml", tmp_path))
    yield found
    found.close()


def health(job: Job, now: float = 0.0) -> WorkerHealth:
    return Health(job, lambda: now).page({}).workers[0]


def test_before_and_after_a_run(job: Job) -> None:
    assert health(job).reason == "the sources are not open yet"
    job.run()
    found = health(job)
    assert (found.reason, found.refused, found.reloads, found.reloaded) == ("", "", 0, None)
    stages = [
        (one.name, one.kind, one.flows_in, one.flows_out, one.rejected) for one in found.stages
    ]
    assert stages == [
        ("in", "ingest_file", 5, 4, 1),
        ("out", "encode_prometheus", 4, 3, 1),
    ]
    assert [one.count for one in found.rejects] == [1, 1]
    (series,) = found.series
    assert (series.metric, series.series, series.limit) == ("bytes", 3, 2)
    assert series.overflowed == 1


def test_rates_are_those_of_the_last_seconds(job: Job) -> None:
    now = [100.0]
    found = Health(job, lambda: now[0])
    assert found.page({}).workers[0].stages[0].flows_per_second is None, "nobody has looked before"
    job.run()
    now[0] += 2
    first = found.page({}).workers[0].stages[0]
    assert first.flows_per_second == 2.5
    assert first.micros is not None
    assert first.micros > 0
    for _ in range(3):
        now[0] += 10
        last = found.page({}).workers[0].stages[0]
    assert (last.flows_per_second, last.micros) == (0.0, None)


def test_the_partitions_of_a_member(job: Job) -> None:
    job.telemetry.set_partitions(
        [PartitionStatus("t", 1, 7, 10, 2.5), PartitionStatus("t", 0, 1, 1, 0)]
    )
    job.telemetry.add("kafka_rejected", 4, "t", "1")
    nothing = {"rejected": 0, "lost": 0}
    assert health(job).partitions == [
        PartitionHealth(topic="t", partition=0, offset=1, lag=0, age=0, **nothing),
        PartitionHealth(topic="t", partition=1, offset=7, lag=3, rejected=4, lost=0, age=2.5),
    ]


def test_what_is_known_of_the_cluster(job: Job) -> None:
    job.telemetry.set("kube_synced", 1, "Pod")
    job.telemetry.set("kube_objects", 9, "Pod")
    job.telemetry.add("kube_errors", 2, "Pod", "500")
    (kind,) = health(job).cluster
    assert (kind.kind, kind.objects, kind.synced, kind.stale, kind.errors) == ("Pod", 9, True, 0, 2)


def test_little_is_kept_of_a_look(job: Job) -> None:
    """Of ten looks all self-metrics would be thousands of objects, wherever they were made."""
    now = [100.0]
    found = Health(job, lambda: now[0])
    found.page({})
    gc.collect()
    before = sys.getallocatedblocks()
    for _ in range(9):
        now[0] += 1
        found.page({})
    gc.collect()
    assert sys.getallocatedblocks() - before < 9 * 30
