"""A load with known truth: flows of a cluster, poison among them, and what must come of both."""

from __future__ import annotations

import json
import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import polars as pl
from confluent_kafka import KafkaError, Message, Producer

from pipeline import config
from pipeline.api.schema import Totals
from pipeline.app.job import Job
from pipeline.stage import VALUE
from pipeline.state.count_store import facts
from pipeline.state.series_rows import LAST_COUNTED
from simulate import Shape, Simulation, simulate
from simulate.configs import flow_metric
from simulate.scenarios import made as scenario
from tests.support.recordings import messages

SHAPE = Shape(pods=300, workloads=60, nodes=20, services=40, namespaces=6, fanout=6)
_TCP = 6
_BOUNDS = (1_000, 2_500, 5_000, 10_000, 20_000)
_ENDS = ["SrcK8S_Namespace", "DstK8S_Namespace"]
_SIZES = {
    "type": "Histogram",
    "valueField": "Bytes",
    "labels": _ENDS,
    "filters": [{"field": "Proto", "value": str(_TCP)}],
    "buckets": [str(bound) for bound in _BOUNDS],
}
_OTHERS = {
    "type": "Counter",
    "labels": _ENDS,
    "filters": [{"field": "Proto", "matchType": "NotEqual", "value": str(_TCP)}],
}
COUNTED, FILTERED = "netobserv_flow_sizes_count", "netobserv_other_flows"
"""Every good flow is in one of these: counted by the histogram, or left out by its filter."""

Labels = frozenset[tuple[str, str]]
Samples = dict[str, dict[Labels, float]]
"""Samples as Prometheus has them, by name and labels; an empty label is no label."""


Cells = dict[tuple[str, ...], float]
"""Facts, first and last seen by labels and column."""


class Spot(NamedTuple):
    """Where a message stands."""

    partition: int
    offset: int


def labelled(labels: Mapping[str, Any]) -> Labels:
    """Labels to look up by."""
    return frozenset((name, str(value)) for name, value in labels.items() if value != "")


def told(made: Simulation) -> Samples:
    """What a simulation says of its own metrics."""
    found: Samples = {}
    for name, metric in json.loads(made.truth.read_text())["metrics"].items():
        rows = (dict(zip(metric["labels"], row, strict=False)) for row in metric["series"])
        values = (float(row[-1]) for row in metric["series"])
        found[name] = dict(zip(map(labelled, rows), values, strict=True))
    return found


class Load:
    """`flows` of a cluster and one poison message in a hundred, in a random order."""

    def __init__(self, folder: Path, flows: int, seed: int) -> None:
        self.made = simulate("cluster", folder / "c.pb", flows=flows, seed=seed, shape=SHAPE)
        for name, spec in (("flow-sizes", _SIZES), ("other-flows", _OTHERS)):
            (self.made.flow_metrics / f"{name}.yaml").write_text(flow_metric(name, spec))
        self.flows, self.seed = flows, seed
        good = list(messages(self.made.recording))
        self.poison = {_poison(number, good[number]) for number in range(flows // 100)}
        self.payloads = good + sorted(self.poison)
        Random(seed).shuffle(self.payloads)

    def truth(self) -> Samples:
        """What must be counted, from the generator's own columns."""
        return told(self.made) | self._histogram()

    def facts(self) -> dict[str, Cells]:
        """What one pass over the recording gives, without Kafka, in one process."""
        job = Job(config.load(self.made.config))
        try:
            job.run()
            return cells(facts(job.counts))
        finally:
            job.close()

    def _histogram(self) -> Samples:
        made = scenario("cluster", flows=self.flows, seed=self.seed, shape=SHAPE)
        names = made.cluster.frame()["namespace"]
        flows = pl.concat(
            frame.select(
                "Bytes",
                "Proto",
                SrcK8S_Namespace=names.gather(frame["src"]),
                DstK8S_Namespace=names.gather(frame["dst"]),
            )
            for frame in made.frames
        )
        tcp, others = flows.filter(pl.col("Proto") == _TCP), flows.filter(pl.col("Proto") != _TCP)
        below = [(pl.col("Bytes") <= bound).sum().alias(f"{bound:.1f}") for bound in _BOUNDS]
        sizes = tcp.group_by(_ENDS).agg(*below, pl.len().alias("inf"), pl.col("Bytes").sum())
        found: Samples = {FILTERED: {}, COUNTED: {}}
        sums, buckets = (
            found.setdefault(f"netobserv_flow_sizes_{e}", {}) for e in ("sum", "bucket")
        )
        for row in others.group_by(_ENDS).len().iter_rows(named=True):
            count = row.pop("len")
            found[FILTERED][labelled(row)] = count
        for row in sizes.iter_rows(named=True):
            ends = {name: row.pop(name) for name in _ENDS}
            sums[labelled(ends)] = row.pop("Bytes")
            found[COUNTED][labelled(ends)] = row["inf"]
            buckets |= {labelled(ends | {"le": bound}): count for bound, count in row.items()}
        return found


def _poison(number: int, flow: bytes) -> bytes:
    """No two alike: endless varints, an unknown wire type, a flow that is cut off."""
    name = f"poison-{number}".encode()
    return (b"\xff" * 11 + name, b"\x0f" + name, flow + b"\x0a\x7f" + name)[number % 3]


class Feeder(threading.Thread):
    """Produces everything exactly once, in bursts over about `seconds`, or at once in a `hurry`."""

    def __init__(
        self, address: str, topic: str, load: Load, partitions: int, seconds: float
    ) -> None:
        super().__init__(daemon=True)
        self.hurry = threading.Event()
        self.poison: dict[Spot, bytes] = {}
        self.delivered = 0
        self.failures: list[str] = []
        self._topic, self._load, self._partitions = topic, load, partitions
        self._seconds = seconds
        self._producer = Producer(
            {
                "bootstrap.servers": address,
                "enable.idempotence": True,
                "linger.ms": 50,
                "log_level": 0,
                "message.timeout.ms": 900_000,
                "queue.buffering.max.messages": 2_000_000,
            }
        )

    def run(self) -> None:
        dice, started, sent = Random(self._load.seed), time.monotonic(), 0
        payloads = self._load.payloads
        while sent < len(payloads):
            burst = len(payloads) if self.hurry.is_set() else dice.randrange(1, len(payloads) // 15)
            for payload in payloads[sent : sent + burst]:
                self._produce(payload, dice.randrange(self._partitions))
            sent = min(len(payloads), sent + burst)
            due = started + sent / len(payloads) * self._seconds
            while time.monotonic() < due and not self.hurry.is_set():
                self._producer.poll(0.1)
        self._producer.flush(300)

    def _produce(self, payload: bytes, partition: int) -> None:
        def delivered(failure: KafkaError | None, message: Message) -> None:
            if failure:
                self.failures.append(failure.str())
                return
            self.delivered += 1
            if payload in self._load.poison:
                self.poison[Spot(message.partition() or 0, message.offset() or 0)] = payload

        self._producer.produce(self._topic, payload, partition=partition, on_delivery=delivered)
        if self.delivered % 1000 == 0:
            self._producer.poll(0)


def cells(families: Mapping[str, pl.DataFrame]) -> dict[str, Cells]:
    """The facts in frames of them, by family; -1 where there is nothing to compare."""
    found: dict[str, Cells] = {}
    for name, frame in families.items():
        texts = [column for column, dtype in frame.schema.items() if dtype == pl.String]
        numbers = [c for c in frame.columns if c not in {*texts, LAST_COUNTED}]
        long = frame.unpivot(numbers, index=texts, variable_name=":column", value_name=VALUE)
        long = long.with_columns(pl.col(VALUE).fill_null(-1))
        found[name] = {tuple(map(str, row[:-1])): float(row[-1]) for row in long.iter_rows()}
    return found


def samples(answers: Iterable[Totals]) -> Samples:
    """The exact totals of workers, added up, as Prometheus would have them; facts left out."""
    found: dict[str, defaultdict[Labels, float]] = {}
    for family, columns, row in (
        (document.family, document.columns, row)
        for totals in answers
        for document in totals.families
        if document.family.exposed
        for row in document.rows
    ):
        labels = dict(zip(family.labels, row, strict=False))
        values = dict(zip(columns, row, strict=True))
        if not family.buckets:
            found.setdefault(family.name, defaultdict(float))[labelled(labels)] += float(
                values[":value"] or 0
            )
            continue
        for end in ("count", "sum"):
            series = found.setdefault(f"{family.name}_{end}", defaultdict(float))
            series[labelled(labels)] += float(values[f":{end}"] or 0)
        below, series = 0.0, found.setdefault(f"{family.name}_bucket", defaultdict(float))
        for index, bound in enumerate([*family.buckets, float("inf")]):
            below += float(values[f":le{index}"] or 0)
            series[labelled(labels | {"le": str(bound)})] += below
    return {name: dict(series) for name, series in found.items()}
