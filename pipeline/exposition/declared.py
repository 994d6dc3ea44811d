"""Every self-metric, declared once: name, type, labels, help.

Names follow docs/reference/flowlogs-pipeline.md#self-metrics.
"""

from __future__ import annotations

from typing import NamedTuple

from prometheus_client import CollectorRegistry, GCCollector, ProcessCollector

from pipeline.stage import Kind


class SelfMetric(NamedTuple):
    """A declared self-metric."""

    kind: Kind
    labels: tuple[str, ...]
    help: str


_C, _G = Kind.COUNTER, Kind.GAUGE
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
    "records_lost": SelfMetric(_C, ("stage",), "Flows that a disk, topic or server did not take"),
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
        add_process(registry)
    families = list(registry.collect())
    samples = {sample.name for family in families for sample in family.samples}
    return {prefix + name for name in METRICS} | {family.name for family in families} | samples


def add_process(registry: CollectorRegistry) -> None:
    """Let a registry have what Prometheus' client says of a process of Python."""
    ProcessCollector(registry=registry)
    GCCollector(registry=registry)
