"""The values of the self-metrics (`exposition.declared`) of a process, and their text."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

import polars as pl
from prometheus_client import CollectorRegistry, generate_latest

from pipeline.dead_letters.recent import RecentRejects
from pipeline.exposition.account import Account, BySource, Reasons, account
from pipeline.exposition.declared import METRICS, SelfMetric, add_process
from pipeline.exposition.text_format import render_family
from pipeline.plan.outcome import Outcome
from pipeline.plan.plan import Plan
from pipeline.stage import VALUE, Encoder, Family, Measure, Sink, Source
from pipeline.state.series_table import SeriesTable

_SIZES = ("metrics_dropped", "encode_prom_metrics_reported", "series")
"""What is read from the tables of series."""


class PartitionStatus(NamedTuple):
    """A partition that a process owns.

    `offset`: of the next message to count. `end`: of the next message to come. `age`: seconds
    since its counts were made durable.
    """

    topic: str
    partition: int
    offset: int
    end: int
    age: float


class Telemetry:
    """The values of the self-metrics of one process."""

    def __init__(self, plan: Plan, prefix: str = "flowmatrix_", *, process: bool = True) -> None:
        self._prefix = prefix
        self._lock = threading.Lock()
        self._values: dict[str, dict[tuple[str, ...], float]] = {name: {} for name in METRICS}
        self._groups: dict[str, str] = {}
        self._reasons = Reasons()
        self.by_source = BySource()
        self._recent = RecentRejects()
        self.adopt(plan)
        self._registry = CollectorRegistry()
        if process:
            add_process(self._registry)

    def adopt(self, plan: Plan) -> None:
        """Report on this plan from now on; what belonged to stages and metrics gone is dropped."""
        encoders = [node.spec for node in plan.nodes if isinstance(node.spec, Encoder)]
        self._groups = {spec.name: spec.policy().group for spec in encoders}
        stages = {node.name for node in plan.nodes} | set(self._groups.values())
        metrics = set(plan.families)
        self._live = {source.name for source in plan.sources if source.live}
        self._recent.keep(stages)
        with self._lock:
            for name, series in self._values.items():
                known = {"stage": stages, "metric": metrics}.get((*METRICS[name].labels, "")[0])
                for labels in [key for key in series if known is not None and key[0] not in known]:
                    del series[labels]
        for node in plan.nodes:
            for part in ("flows_in", "flows_out", "flows_filtered", "flows_rejected", "seconds"):
                self.add(f"stage_{part}", 0, node.name)
            if isinstance(node.spec, Source):
                self.add("ingest_flows_processed", 0, node.name)
        for group in self._groups.values():
            for name in ("metrics_processed", "metrics_dropped", "encode_prom_metrics_reported"):
                self.add(name, 0, group)

    def add(self, name: str, amount: float, *labels: str) -> None:
        """Add to a counter (or set a first value)."""
        with self._lock:
            series = self._values[name]
            series[labels] = series.get(labels, 0.0) + amount

    def _add_all(self, measures: Iterable[Measure]) -> None:
        for name, amount, labels in measures:
            self.add(name, amount, *labels)

    def set(self, name: str, value: float, *labels: str) -> None:
        """Set a gauge."""
        with self._lock:
            self._values[name][labels] = value

    def replace(self, name: str, values: Mapping[tuple[str, ...], float]) -> None:
        """Show these values of a gauge, by its labels, and no others any more."""
        with self._lock:
            self._values[name] = dict(values)

    def set_partitions(self, partitions: Iterable[PartitionStatus]) -> None:
        """Show these partitions, and no others any more."""
        held = {(p.topic, str(p.partition)): p for p in partitions}
        with self._lock:
            self._values["kafka_offset"] = {key: p.offset for key, p in held.items()}
            self._values["kafka_lag"] = {key: max(0, p.end - p.offset) for key, p in held.items()}
            self._values["kafka_checkpoint_age_seconds"] = {key: p.age for key, p in held.items()}

    def remembered(self, measures: Iterable[Measure]) -> None:
        """Show what stages remember; what several memories measure is summed."""
        found: dict[tuple[str, tuple[str, ...]], float] = {}
        for name, value, labels in measures:
            found[name, labels] = found.get((name, labels), 0.0) + value
        for (name, labels), value in found.items():
            self.set(name, value, *labels)

    def batch(self, source: str, messages: int, outcome: Outcome) -> None:
        """Account for a batch of so many messages, of which none was empty."""
        self.add("ingest_flows_processed", messages, source)
        self.by_source.add(source, outcome)
        for stage, counts in outcome.counts.items():
            self.add("stage_flows_in", counts.flows_in, stage)
            self.add("stage_flows_out", counts.flows_out, stage)
            self.add("stage_flows_filtered", counts.filtered, stage)
            self.add("stage_flows_rejected", counts.rejected, stage)
            self.add("stage_seconds", counts.seconds, stage)
            if stage in self._groups:
                self.add("metrics_processed", counts.flows_out, self._groups[stage])
        ingest = outcome.counts[source]
        rejects = outcome.rejects
        failed = [one for one in rejects if one.error and not one.metric]
        if undecoded := ingest.rejected - len(failed):
            self.add("ingest_errors", undecoded, source, "decode", "rejected")
        if ingest.coerced:
            self.add("ingest_coerced", ingest.coerced, source)
        self._add_all(
            ("records_written", len(records), (writer.name,))
            for writer, records in outcome.records
            if writer.sink is not Sink.SERVER  # whoever sends them counts what has arrived
        )
        for reject in rejects:
            self.add("dead_letters", 1, reject.stage)
            if reject.metric:
                self.add("encode_prom_errors", 1, reject.error, reject.metric, reject.field)
        self._add_all(outcome.measures)
        self._add_all(("stage_errors", 1, (one.stage, one.error)) for one in failed)
        self._reasons.add(outcome)
        self._recent.add(source, outcome, quiet=source not in self._live)
        rejecting = self._recent.problems()
        for stage in outcome.counts:
            self.set("stage_rejecting", float(stage in rejecting), stage)

    def rejecting(self) -> dict[str, str]:
        """The stages that reject most of what came lately, and what is known of that."""
        return self._recent.problems()

    def account(self, plan: Plan) -> Account:
        """What became of the messages so far, in the plan that runs."""
        return account(plan, self.snapshot(), self._reasons)

    def snapshot(self) -> dict[str, dict[str, float]]:
        """The values of every metric whose one label is the stage, by stage."""
        with self._lock:
            return {
                name: {labels[0]: value for labels, value in series.items()}
                for name, series in self._values.items()
                if METRICS[name].labels == ("stage",)
            }

    def values(self) -> dict[str, dict[tuple[str, ...], float]]:
        """The values of every metric, by the values of its labels."""
        with self._lock:
            return {name: dict(series) for name, series in self._values.items()}

    def render(
        self,
        tables: Iterable[SeriesTable],
        overflowed: Mapping[str, int],
        now: float | None,
        names: Collection[str] = (),
    ) -> str:
        """The exposition of the self-metrics, with the sizes of the ledger's tables.

        Tables of one metric, of several partitions, add up. `overflowed`: label sets beyond a
        limit, by metric; `names`: only the metrics of these. To look at tables costs a look at
        every series: only what shows their sizes does.
        """
        if not names or any(self._prefix + name in names for name in _SIZES):
            self._observe(tables, overflowed, now)
        values = self.values()
        text = "".join(
            _text(self._prefix + name, METRICS[name], series)
            for name, series in values.items()
            if series and (not names or self._prefix + name in names)
        )
        registry = self._registry.restricted_registry(names) if names else self._registry
        return text + generate_latest(registry).decode()

    def _observe(
        self, tables: Iterable[SeriesTable], overflowed: Mapping[str, int], now: float | None
    ) -> None:
        reported: dict[str, int] = dict.fromkeys(self._groups.values(), 0)
        dropped: dict[str, int] = dict.fromkeys(self._groups.values(), 0)
        held: dict[tuple[str, ...], float] = {}
        groups: dict[str, str] = {}
        for table in tables:
            name, group = table.family.name, table.policy.group
            groups[name] = group
            held[name,] = held.get((name,), 0) + table.size
            exposed = table.shown(now) if table.family.exposed else 0
            reported[group] = reported.get(group, 0) + exposed
        for name, group in groups.items():
            dropped[group] = dropped.get(group, 0) + overflowed.get(name, 0)
        with self._lock:
            self._values["series"] = held
        for group, series in reported.items():
            self.set("encode_prom_metrics_reported", series, group)
            self.set("metrics_dropped", dropped[group], group)


def _text(name: str, metric: SelfMetric, series: Mapping[tuple[str, ...], float]) -> str:
    rows = {label: [key[i] for key in series] for i, label in enumerate(metric.labels)}
    frame = pl.DataFrame(
        rows | {VALUE: list(series.values())}, schema_overrides={VALUE: pl.Float64}
    )
    return render_family(Family(name, metric.kind, metric.labels, metric.help), frame)
