"""How workers fare: /api/v0/health, from their self-metrics."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping
from datetime import datetime
from importlib.metadata import version
from threading import Lock

import msgspec

from page.times import stamp
from pipeline.api.openapi import Described
from pipeline.app.job import Job
from pipeline.stage import Encoder

_PERIOD, _LEAST = 10.0, 1.0
"""Seconds over which rates are taken, and between two looks."""
Values = Mapping[str, Mapping[tuple[str, ...], float]]
_Work = Mapping[str, tuple[float, float]]
"""Flows that came into a stage, and the seconds that it took for them, by its name."""
_NONE = (0.0, 0.0)


class StageHealth(msgspec.Struct, frozen=True, kw_only=True):
    """A stage. `micros` is the time a flow takes (us), null while none comes.

    `flows_per_second` is null until somebody has looked twice.
    """

    name: str
    kind: str
    flows_in: int
    flows_out: int
    filtered: int
    rejected: int
    flows_per_second: float | None
    micros: float | None
    rejecting: bool


class PartitionHealth(msgspec.Struct, frozen=True, kw_only=True):
    """A partition of this worker. `age`: seconds since its counts were made durable."""

    topic: str
    partition: int
    offset: int
    lag: int
    rejected: int
    lost: int
    age: float


class Rejected(msgspec.Struct, frozen=True):
    """Why messages or flows were rejected, and how many."""

    reason: str
    count: int


class SeriesHealth(msgspec.Struct, frozen=True, kw_only=True):
    """A metric: its series, their limit (0: none), and how many label sets were beyond one."""

    metric: str
    series: int
    limit: int
    overflowed: int


class KindHealth(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a kind of object of the cluster; `stale` in seconds."""

    kind: str
    objects: int
    synced: bool
    stale: float
    errors: int


class WorkerHealth(msgspec.Struct, frozen=True, kw_only=True):
    """A worker. `reason` is why it is not ready, `refused` why a configuration does not run."""

    worker: str
    reason: str
    version: str = ""
    notes: dict[str, list[str]] = {}
    stages: list[StageHealth] = []
    partitions: list[PartitionHealth] = []
    rejects: list[Rejected] = []
    series: list[SeriesHealth] = []
    cluster: list[KindHealth] = []
    reloads: int = 0
    reloaded: datetime | None = None
    refused: str = ""


class HealthPage(msgspec.Struct, frozen=True):
    """/api/v0/health: the workers that were asked."""

    workers: list[WorkerHealth]


DESCRIBED = Described("How the worker fares: stages, partitions, rejects, series.", HealthPage)


class Health:
    """The health of a job; rates are those of the last seconds in which somebody looked."""

    def __init__(self, job: Job, clock: Callable[[], float] = time.monotonic) -> None:
        self._job = job
        self._clock = clock
        self._looks: deque[tuple[float, _Work]] = deque()
        self._lock = Lock()

    def page(self, _: Mapping[str, str]) -> HealthPage:
        """How the worker fares now."""
        job = self._job
        for name, value, labels in job.resources.self_metrics():
            job.telemetry.set(name, value, *labels)
        values = job.telemetry.values()
        reloaded = values["config_last_reload_timestamp_seconds"].get(())
        worker = WorkerHealth(
            worker="",
            version=version("flowmatrix"),
            reason=job.not_ready(),
            notes={name: _texts(found) for name, found in job.notes().items() if name != "reload"},
            stages=self._stages(values),
            partitions=_partitions(values),
            rejects=[
                Rejected(reason, count)
                for reason, count in job.telemetry.account(job.plan).reasons.most_common(20)
            ],
            series=self._series(),
            cluster=_cluster(values),
            reloads=int(values["config_reload_success"].get((), 0)),
            reloaded=stamp(reloaded),
            refused=job.reloader.refused if job.reloader else "",
        )
        return HealthPage([worker])

    def _before(self, work: _Work) -> tuple[float, _Work]:
        """The seconds since an earlier look, and what was seen then."""
        now = self._clock()
        with self._lock:
            if not self._looks or now - self._looks[-1][0] >= _LEAST:
                self._looks.append((now, work))
            while len(self._looks) > 2 and self._looks[1][0] <= now - _PERIOD:
                self._looks.popleft()
            at, earlier = self._looks[0]
        return now - at, earlier

    def _stages(self, values: Values) -> list[StageHealth]:
        work = _work(values)
        elapsed, before = self._before(work)
        found = []
        for node in self._job.plan.nodes:
            key = (node.name,)
            now, then = work.get(node.name, _NONE), before.get(node.name, _NONE)
            came, spent = (a - b for a, b in zip(now, then if elapsed else _NONE, strict=True))
            totals = {
                part: int(values[f"stage_flows_{part}"].get(key, 0))
                for part in ("in", "out", "filtered", "rejected")
            }
            found.append(
                StageHealth(
                    name=node.name,
                    kind=node.spec.type,
                    flows_in=totals["in"],
                    flows_out=totals["out"],
                    filtered=totals["filtered"],
                    rejected=totals["rejected"],
                    flows_per_second=came / elapsed if elapsed else None,
                    micros=spent / came * 1e6 if came else None,
                    rejecting=bool(values["stage_rejecting"].get(key)),
                )
            )
        return found

    def _series(self) -> list[SeriesHealth]:
        counts, limit = self._job.counts, self._job.settings.limits.max_series
        policies = {
            family.name: node.spec.policy()
            for node in self._job.plan.nodes
            if isinstance(node.spec, Encoder)
            for family in node.spec.families()
        }
        found = []
        for table in counts.tables():
            name = table.family.name
            policy = policies.get(name, table.policy)
            limits = [limit, policy.max_series, policy.max_series_per_metric]
            found.append(
                SeriesHealth(
                    metric=name,
                    series=table.size,
                    limit=min(filter(None, limits), default=0),
                    overflowed=counts.overflowed.get(name, 0),
                )
            )
        return sorted(found, key=lambda one: -one.series)


def _work(values: Values) -> _Work:
    flows, seconds = values["stage_flows_in"], values["stage_seconds"]
    return {key[0]: (came, seconds.get(key, 0.0)) for key, came in flows.items()}


def _partitions(values: Values) -> list[PartitionHealth]:
    def of(name: str, key: tuple[str, ...]) -> int:
        return int(values[name].get(key, 0))

    found = [
        PartitionHealth(
            topic=key[0],
            partition=int(key[1]),
            offset=int(offset),
            lag=of("kafka_lag", key),
            rejected=of("kafka_rejected", key),
            lost=of("kafka_lost", key),
            age=values["kafka_checkpoint_age_seconds"].get(key, 0.0),
        )
        for key, offset in values["kafka_offset"].items()
    ]
    return sorted(found, key=lambda one: (one.topic, one.partition))


def _cluster(values: Values) -> list[KindHealth]:
    errors = values["kube_errors"]
    return [
        KindHealth(
            kind=kind,
            objects=int(values["kube_objects"].get((kind,), 0)),
            synced=bool(synced),
            stale=values["kube_stale_seconds"].get((kind,), 0.0),
            errors=int(sum(count for key, count in errors.items() if key[0] == kind)),
        )
        for (kind,), synced in sorted(values["kube_synced"].items())
    ]


def _texts(found: object) -> list[str]:
    return [str(one) for one in found] if isinstance(found, list | tuple) else [str(found)]
