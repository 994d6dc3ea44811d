"""The metrics that the operator of NetObserv defines itself.

Source: docs/reference/flowmetric.md#predefined-metrics.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple

from pipeline.diagnostics import ConfigPath, Problem, nearest
from pipeline.flowmetric.resource import FlowMetric
from pipeline.flowmetric.spec import (
    Direction,
    FlowMetricSpec,
    MatchType,
    MetricFilter,
    MetricType,
)

Feature = Literal[
    "DNSTracking", "FlowRTT", "IPSec", "NetworkEvents", "PacketDrop", "TLSTracking", "UDNMapping"
]
"""What an agent reports only when it is asked to, as far as metrics are about it."""
RecordType = Literal["", "flowLog", "newConnection", "heartbeat", "endConnection"]

PLACE = "a predefined metric"
"""What stands for the file of a predefined metric."""

_NODE = ("K8S_HostName",)
_NAMESPACE = ("K8S_Namespace", "K8S_FlowLayer", "SubnetLabel")
_WORKLOAD = (*_NAMESPACE, "K8S_NetworkName", "K8S_OwnerName", "K8S_OwnerType", "K8S_Type")
_GROUPS = {"node": _NODE, "namespace": _NAMESPACE, "workload": _WORKLOAD}
_SIDELESS = "K8S_FlowLayer"
_CLUSTER, _ZONE, _NETWORK = "K8S_ClusterName", "K8S_Zone", "K8S_NetworkName"
_BUCKETS: list[float | str] = [".005", ".01", ".02", ".03", ".04", ".05", ".075", ".1", ".25", "1"]
_EVENTS = "NetworkEvents"
_EVENT_LABELS = ("Type", "Namespace", "Name", "Action", "Direction")
_OF_FEATURES: dict[str, Feature] = {
    "_drop_": "PacketDrop",
    "_rtt_": "FlowRTT",
    "_dns_": "DNSTracking",
    "_network_policy_": "NetworkEvents",
    "_ipsec_": "IPSec",
    "_tls_": "TLSTracking",
}
"""The part of a name that says which feature a metric needs."""


class Labels(NamedTuple):
    """The labels that only some clusters have: zones, a name of the cluster, names of networks."""

    zone: bool = False
    cluster: bool = False
    network: bool = False


_PLAIN = Labels()


def feature_of(name: str) -> Feature | None:
    """The feature without which a metric has no series; None for those of every flow."""
    return next((feature for part, feature in _OF_FEATURES.items() if part in name), None)


def unknown(name: str, path: ConfigPath) -> Problem:
    """The problem of a name that is not one of NAMES, with the one it has had since a rename."""
    later = name.replace("_dns_packets_", "_dns_flows_")
    hint = f'it is now "{later}"' if later != name and later in NAMES else nearest(name, NAMES)
    return Problem(path, f'unknown predefined metric "{name}"', hint or f"such as {NAMES[0]}")


def metrics(
    names: Iterable[str], labels: Labels = _PLAIN, record_type: RecordType = ""
) -> list[FlowMetric]:
    """The metrics of these names, as resources, in the order of the operator's list.

    Names that are not in NAMES are left out. With a `record_type` (of conntrack) only such records
    count.
    """
    wanted = set(names)
    kind = [MetricFilter("_RecordType", record_type)] if record_type else []
    return [
        FlowMetric(name.replace("_", "-"), "", _spec(name, labels, kind), place=PLACE)
        for name in NAMES
        if name in wanted
    ]


def _spec(name: str, labels: Labels, more: list[MetricFilter]) -> FlowMetricSpec:
    group, _, rest = name.partition("_")
    fields = _fields(group, labels)
    if name == "node_to_node_ingress_flows_total":
        return _between_nodes(name, fields, more)
    traits = _TRAITS[rest]
    events = traits.field == f"{_EVENTS}>Feature"
    parts = [f"{_EVENTS}>{key}" for key in _EVENT_LABELS] if events else []
    return FlowMetricSpec(
        type=traits.type,
        metric_name=name,
        help=traits.help.format(group),
        value_field=traits.value,
        filters=[*traits.filters(), *more],
        labels=[*fields, *traits.labels, *parts],
        flatten=[_EVENTS] if events else [],
        remap={part: key.lower() for part, key in zip(parts, _EVENT_LABELS, strict=False)},
        direction=traits.direction,
        buckets=_BUCKETS if traits.type is MetricType.HISTOGRAM else [],
        divider=traits.divider,
    )


def _between_nodes(name: str, fields: list[str], more: list[MetricFilter]) -> FlowMetricSpec:
    hosts = [MetricFilter(f"{side}K8S_HostName", "", MatchType.PRESENCE) for side in ("Src", "Dst")]
    across = MetricFilter("FlowDirection", "2", MatchType.NOT_EQUAL)
    return FlowMetricSpec(
        type=MetricType.COUNTER,
        metric_name=name,
        help="Flows that entered a node, between two nodes",
        filters=[across, *hosts, *more],
        labels=fields,
    )


def _fields(group: str, labels: Labels) -> list[str]:
    """The fields that are labels of every metric of a group."""
    given = [*((_ZONE,) if labels.zone else ()), *_GROUPS[group]]
    sided = [one for one in given if one != _NETWORK or labels.network]
    fields = [field for one in sided for field in _ends(one)]
    return [_CLUSTER, *fields] if labels.cluster else fields


def _ends(field: str) -> list[str]:
    return [field] if field == _SIDELESS else [f"Src{field}", f"Dst{field}"]


class _Traits(NamedTuple):
    """What the metrics of the three groups have in common; `field` must be present."""

    help: str
    value: str = ""
    field: str = ""
    labels: tuple[str, ...] = ()
    type: MetricType = MetricType.COUNTER
    divider: str = ""
    direction: Direction = Direction.ANY

    def filters(self) -> list[MetricFilter]:
        """What a flow must have."""
        if self.field == f"{_EVENTS}>Feature":
            return [MetricFilter(self.field, "acl")]
        return [MetricFilter(self.field, "", MatchType.PRESENCE)] if self.field else []


def _traffic() -> dict[str, _Traits]:
    return {
        f"{way.lower()}_{value.lower()}_total": _Traits(
            f"{value} per {{}}, {way.lower()}", value, direction=way
        )
        for value in ("Bytes", "Packets")
        for way in (Direction.EGRESS, Direction.INGRESS)
    }


_GAUGE, _HISTOGRAM = MetricType.GAUGE, MetricType.HISTOGRAM
_DROP = ("PktDropLatestState", "PktDropLatestDropCause")
_DNS = ("DnsFlagsResponseCode",)
_TLS = ("TLSVersion", "TLSCipherSuite", "TLSGroup")
_OF_ALL = _traffic() | {
    "sampling": _Traits("Sampling interval per {}", "Sampling", type=_GAUGE),
    "flows_total": _Traits("Flows per {}"),
}
_RTT = "TimeFlowRttNs"
_OF_SOME = {
    "rtt_seconds": _Traits(
        "Round-trip time of TCP per {}", _RTT, _RTT, type=_HISTOGRAM, divider="1000000000"
    ),
    "drop_packets_total": _Traits(
        "Dropped packets per {}", "PktDropPackets", "PktDropPackets", _DROP
    ),
    "drop_bytes_total": _Traits("Dropped bytes per {}", "PktDropBytes", "PktDropBytes", _DROP),
    "dns_latency_seconds": _Traits(
        "Response time of DNS per {}", "DnsLatencyMs", "DnsId", _DNS, _HISTOGRAM, "1000"
    ),
    "dns_flows_total": _Traits("Flows of DNS per {}", "", "DnsId", (*_DNS, "DnsName")),
    "network_policy_events_total": _Traits(
        "Events of network policies per {}", "", f"{_EVENTS}>Feature"
    ),
    "tls_flows_total": _Traits("Flows with TLS per {}", "", "TLSTypes", _TLS),
    "ipsec_flows_total": _Traits("Flows with IPsec per {}", "", "IPSecStatus", ("IPSecStatus",)),
}
_TRAITS = _OF_ALL | _OF_SOME

NAMES: tuple[str, ...] = (
    *(f"{group}_{rest}" for group in _GROUPS for rest in _OF_ALL),
    *(f"{group}_{rest}" for rest in _OF_SOME for group in _GROUPS),
    "node_to_node_ingress_flows_total",
)
"""All names, without prefix, in the operator's order."""

_ALWAYS = (
    *("node_ingress_bytes_total", "node_egress_bytes_total", "node_ingress_packets_total"),
    *("node_drop_packets_total", "workload_sampling"),
    *("workload_ingress_bytes_total", "workload_egress_bytes_total"),
    *("namespace_network_policy_events_total", "node_ipsec_flows_total"),
    "node_to_node_ingress_flows_total",
)
WITH_LOKI: tuple[str, ...] = (
    *_ALWAYS,
    *("namespace_flows_total", "namespace_ingress_packets_total", "namespace_drop_packets_total"),
    *("namespace_rtt_seconds", "namespace_dns_latency_seconds"),
    *("namespace_dns_flows_total", "namespace_tls_flows_total"),
)
"""What the operator counts by default where flows also go to Loki."""
WITHOUT_LOKI: tuple[str, ...] = (
    *_ALWAYS,
    *("workload_ingress_packets_total", "workload_egress_packets_total", "workload_flows_total"),
    *("workload_drop_bytes_total", "workload_drop_packets_total", "workload_rtt_seconds"),
    *("workload_dns_latency_seconds", "workload_dns_flows_total", "workload_tls_flows_total"),
)
"""The same where they do not: more, as less is known otherwise."""
