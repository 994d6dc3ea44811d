"""Every self-metric, declared once: name, type, labels, help.

Names follow docs/reference/flowlogs-pipeline.md#self-metrics.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

import polars as pl
from prometheus_client import CollectorRegistry, GCCollector, ProcessCollector, generate_latest

from pipeline.dead_letters.recent import RecentRejects
from pipeline.exposition.account import Account, Reasons, account
from pipeline.exposition.text_format import render_family
from pipeline.plan.outcome import Outcome
from pipeline.plan.plan import Plan
from pipeline.stage import VALUE, Encoder, Family, Kind, Measure, Sink, Source
from pipeline.state.series_table import SeriesTable


class SelfMetric(NamedTuple):
    """A declared self-metric."""

    kind: Kind
    labels: tuple[str, ...]
    help: str


_C, _G = Kind.COUNTER, Kind.GAUGE
_SIZES = ("metrics_dropped", "encode_prom_metrics_reported", "series")
"""What is read from the tables of series."""
METRICS: dict[str, SelfMetric] = {
    "ingest_flows_processed": SelfMetric(_C, ("stage",), "Messages read that have content"),
    "ingest_empty": SelfMetric(_C, ("stage",), "Messages without content, which are passed over"),
    "ingest_errors": SelfMetric(_C, ("stage", "type", "code"), "Messages that did not decode"),
    "ingest_coerced": SelfMetric(_C, ("stage",), "Texts read as numbers in number fields"),
    "stage_flows_in": SelfMetric(_C, ("stage",), "Flows that came in"),
    "stage_flows_out": SelfMetric(_C, ("stage",), "Flows that went out or were counted"),
    "stage_flows_filtered": SelfMetric(_C, ("stage",), "Flows left out on purpose"),
    "stage_flows_rejected": SelfMetric(_C, ("stage",), "Flows that could not be used"),
    "stage_rejecting": SelfMetric(
        _G, ("stage",), "1 while it rejects most of what came lately, messages or flows"
    ),
    "stage_errors": SelfMetric(_C, ("stage", "error"), "Messages rejected as the stage failed"),
    "stage_seconds": SelfMetric(_C, ("stage",), "Time spent"),
    "grpc_answers": SelfMetric(_C, ("stage", "code"), "Messages of agents, by their answer"),
    "records_written": SelfMetric(_C, ("stage",), "Records delivered"),
    "records_lost": SelfMetric(_C, ("stage",), "Flows that a disk or a server did not take"),
    "write_queue_flows": SelfMetric(_G, ("stage",), "Flows that wait for a server"),
    "write_queue_bytes": SelfMetric(_G, ("stage",), "Memory of the flows that wait for a server"),
    "write_retries": SelfMetric(
        _C, ("stage",), "Batches sent again, as a server did not take them"
    ),
    "metrics_processed": SelfMetric(_C, ("stage",), "Increments made to metrics"),
    "metrics_dropped": SelfMetric(_C, ("stage",), "Times a label set was added to __overflow__"),
    "encode_prom_errors": SelfMetric(_C, ("error", "metric", "key"), "Values not countable"),
    "encode_prom_metrics_reported": SelfMetric(_G, ("stage",), "Series exposed"),
    "series": SelfMetric(_G, ("metric",), "Series held, exposed or idle"),
    "dead_letters": SelfMetric(_C, ("stage",), "Messages and flows sent to the dead letters"),
    "ipfix_datagrams_lost": SelfMetric(
        _C, ("stage", "by"), "Datagrams lost by the kernel, or because the queue was full"
    ),
    "ipfix_lost": SelfMetric(
        _C, ("stage", "exporter", "unit"), "Flows or packets that sequence numbers say are missing"
    ),
    "ipfix_template_unknown": SelfMetric(
        _C, ("stage", "exporter"), "Sets of flows that came without their template"
    ),
    "ipfix_queue_datagrams": SelfMetric(_G, ("stage",), "Datagrams that wait to be read"),
    "ipfix_exporters": SelfMetric(_G, ("stage",), "Exporters known"),
    "ipfix_templates": SelfMetric(_G, ("stage",), "Templates known"),
    "kafka_offset": SelfMetric(_G, ("topic", "partition"), "Offset of the next message to count"),
    "kafka_lag": SelfMetric(_G, ("topic", "partition"), "Messages behind the end of the partition"),
    "kafka_rejected": SelfMetric(_C, ("topic", "partition"), "Messages that could not be used"),
    "kafka_lost": SelfMetric(
        _C, ("topic", "partition"), "Messages deleted by the broker before they were counted"
    ),
    "kafka_cut": SelfMetric(
        _C, ("topic", "partition"), "Messages counted that the broker has lost since"
    ),
    "kafka_missing": SelfMetric(
        _C, ("topic", "partition"), "Offsets between messages of which the broker gave nothing"
    ),
    "kafka_ready": SelfMetric(_G, (), "1 while this worker counts as a member of its group"),
    "kafka_errors": SelfMetric(_C, ("error",), "Attempts to join and to read that failed"),
    "kafka_checkpoint_age_seconds": SelfMetric(
        _G, ("topic", "partition"), "Since the counts of the partition were made durable"
    ),
    "conntrack_memory_connections": SelfMetric(_G, ("group", "phase"), "Connections that are open"),
    "conntrack_input_records": SelfMetric(
        _C, ("classification",), "Flows that began a connection, were added to one, or to none"
    ),
    "conntrack_output_records": SelfMetric(_C, ("type",), "Records of connections and flows"),
    "conntrack_end_connections": SelfMetric(_C, ("group", "reason"), "Connections that have ended"),
    "conntrack_tcp_flags": SelfMetric(_C, ("action",), "What was done because of TCP flags"),
    "conntrack_hash_errors": SelfMetric(_C, ("error", "field"), "Key fields that flows lacked"),
    "conntrack_aggregator_errors": SelfMetric(
        _C, ("error", "field"), "Values that could not be added to a connection"
    ),
    "aggregates_discarded": SelfMetric(_C, (), "Flows of groups beyond the limit of groups"),
    "timebased_evicted": SelfMetric(_C, (), "Flows that left their windows early: too many"),
    "drift_edges": SelfMetric(
        _G, ("namespace", "state"), "Edges that differ from the approved matrix"
    ),
    "drift_edge": SelfMetric(
        _G, ("namespace", "state", "edge"), "1 for each edge that is new, changed or anomalous"
    ),
    "drift_approved_seen": SelfMetric(
        _G, ("namespace", "edge"), "1 for each approved edge that this worker has seen, else 0"
    ),
    "drift_refused": SelfMetric(_G, (), "1 while the approved matrix cannot be read"),
    "kube_synced": SelfMetric(_G, ("kind",), "1 when the objects of a kind were listed"),
    "kube_stale_seconds": SelfMetric(_G, ("kind",), "Time since a kind may be out of date, or 0"),
    "kube_objects": SelfMetric(_G, ("kind",), "Objects known"),
    "kube_events": SelfMetric(_C, ("kind", "type"), "Events of the watches"),
    "kube_errors": SelfMetric(_C, ("kind", "code"), "Requests that failed, objects not usable"),
    "config_reload_success": SelfMetric(_C, (), "Configurations that took the place of another"),
    "config_reload_failures": SelfMetric(_C, (), "Configurations refused while another ran"),
    "config_last_reload_timestamp_seconds": SelfMetric(_G, (), "When the one that runs was taken"),
    "config_refused": SelfMetric(_G, (), "1 while the newest configuration is not the one running"),
}


def names(prefix: str, *, process: bool) -> set[str]:
    """The names that the engine's own metrics have on the page of /metrics, shown yet or not."""
    registry = CollectorRegistry()
    if process:
        _add_process(registry)
    families = list(registry.collect())
    samples = {sample.name for family in families for sample in family.samples}
    return {prefix + name for name in METRICS} | {family.name for family in families} | samples


def _add_process(registry: CollectorRegistry) -> None:
    ProcessCollector(registry=registry)
    GCCollector(registry=registry)


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
        self._recent = RecentRejects()
        self.adopt(plan)
        self._registry = CollectorRegistry()
        if process:
            _add_process(self._registry)

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
