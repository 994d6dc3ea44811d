"""What a FlowCollector switches on: features of the agent, metrics, labels.

Source: docs/reference/operator.md#settings, docs/reference/flowmetric.md#predefined-metrics.
"""

from __future__ import annotations

import typing

from pipeline.config.flowcollector.spec import FlowCollectorSpec, SecondaryNetwork
from pipeline.flowmetric import predefined
from pipeline.flowmetric.predefined import Feature, Labels, RecordType

KNOWN = (
    *typing.get_args(Feature),
    *("EbpfManager", "OpenSSLTracking", "PacketTranslation", "QUICTracking"),
)
"""The features of an agent."""

_RECORDS: dict[str, tuple[RecordType, ...]] = {
    "Conversations": ("newConnection", "heartbeat", "endConnection"),
    "EndedConversations": ("endConnection",),
    "All": ("flowLog", "newConnection", "heartbeat", "endConnection"),
}
_COUNTED: dict[str, RecordType] = {"Conversations": "endConnection", "All": "flowLog"}


def has(spec: FlowCollectorSpec, feature: str) -> bool:
    """Whether agents report what a feature is about; packet drops also take privileges."""
    agent = spec.agent.ebpf
    allowed = agent.privileged or "EbpfManager" in agent.features
    return feature in agent.features and (feature != "PacketDrop" or allowed)


def metrics(spec: FlowCollectorSpec) -> list[str]:
    """The names of the predefined metrics, in the operator's order."""
    given = spec.processor.metrics
    wanted = given.include_list
    if wanted is None:
        defaults = predefined.WITH_LOKI if spec.loki.enable else predefined.WITHOUT_LOKI
        wanted = [*defaults, *given.additional_include_list]
    return [
        name
        for name in predefined.NAMES
        if name in wanted and _counted(spec, name, predefined.feature_of(name))
    ]


def _counted(spec: FlowCollectorSpec, name: str, feature: Feature | None) -> bool:
    if name.endswith("_sampling"):
        return _samples(spec)
    return feature is None or has(spec, feature)


def _samples(spec: FlowCollectorSpec) -> bool:
    """Whether a filter, of the agent or of the pipeline, samples."""
    own = spec.agent.ebpf.flow_filter
    intervals = [one.sampling for one in own.rules] if own else []
    return any(n > 1 for n in (*intervals, *(one.sampling for one in spec.processor.filters)))


def labels(spec: FlowCollectorSpec) -> Labels:
    """The labels of predefined metrics that not every cluster has."""
    processor = spec.processor
    network = has(spec, "UDNMapping") or bool(secondary_networks(spec))
    return Labels(processor.add_zone, processor.multi_cluster_deployment, network)


def secondary_networks(spec: FlowCollectorSpec) -> list[SecondaryNetwork]:
    """What identifies interfaces of secondary networks: as given, or by what an agent sees."""
    given = spec.processor.advanced.secondary_networks
    if given or not spec.agent.ebpf.privileged:
        return given
    return [
        SecondaryNetwork(index=["Interface", "IP"]),
        SecondaryNetwork(index=["Interface", "MAC"]),
    ]


def record_types(spec: FlowCollectorSpec) -> tuple[RecordType, ...]:
    """What conntrack reports; nothing where there is none."""
    return _RECORDS.get(spec.processor.log_types, ())


def counted_records(spec: FlowCollectorSpec) -> RecordType:
    """The records that predefined metrics count, where there are several kinds."""
    return _COUNTED.get(spec.processor.log_types, "")


def advertises(spec: FlowCollectorSpec) -> bool:
    """Whether flows get the AS numbers that the cluster's routers advertise."""
    given = spec.processor.bgp_enrichment
    return given if isinstance(given, bool) else given.enable


def autodetects(spec: FlowCollectorSpec) -> bool:
    """Whether OpenShift's own networks get labels; both spellings of the switch are known."""
    given = spec.processor.subnet_labels
    return given.open_shift_auto_detect and given.auto_detect
