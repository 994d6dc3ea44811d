"""The stages between the source of a FlowCollector and its outputs.

Source: docs/reference/operator.md#pipeline.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from pipeline.config.flowcollector import features
from pipeline.config.flowcollector.graph import Graph
from pipeline.config.flowcollector.reading import Slice
from pipeline.config.flowcollector.spec import FilterSet, FlowCollectorSpec
from pipeline.flows import cidr
from pipeline.flows.cidr import Network
from pipeline.kube.subnets import Label


def conntrack(graph: Graph, previous: str, spec: FlowCollectorSpec) -> str:
    """Connections, where the log types ask for them."""
    records = features.record_types(spec)
    if not records:
        return previous
    given = spec.processor.advanced
    groups = {"src": ["SrcAddr", "SrcPort"], "dst": ["DstAddr", "DstPort"], "common": ["Proto"]}
    block = {
        "keyDefinition": {
            "fieldGroups": [{"name": name, "fields": fields} for name, fields in groups.items()],
            "hash": {
                "fieldGroupRefs": ["common"],
                "fieldGroupARef": "src",
                "fieldGroupBRef": "dst",
            },
        },
        "outputRecordTypes": list(records),
        "outputFields": list(_output_fields(spec)),
        "scheduling": [
            {
                "selector": {},
                "heartbeatInterval": given.conversation_heartbeat_interval,
                "endConnectionTimeout": given.conversation_end_timeout,
                "terminatingTimeout": given.conversation_terminating_timeout,
            }
        ],
        "tcpFlags": {"fieldName": "Flags", "detectEndConnection": True, "swapAB": True},
    }
    return graph.add("extract_conntrack", previous, "extract.conntrack", block)


def _output_fields(spec: FlowCollectorSpec) -> Iterator[dict[str, Any]]:
    """What a record of a connection says of its flows."""
    yield from _sums("Bytes", "Packets")
    yield {"name": "numFlowLogs", "operation": "count"}
    for name, operation in (
        *(("TimeFlowStartMs", "min"), ("TimeFlowEndMs", "max"), ("FlowDirection", "first")),
        *(("IfDirection", "first"), ("AgentIP", "first")),
    ):
        yield {"name": name, "operation": operation, "reportMissing": True}
    if features.has(spec, "PacketDrop"):
        yield from _sums("PktDropBytes", "PktDropPackets")
        yield {"name": "PktDropLatestState", "operation": "last"}
        yield {"name": "PktDropLatestDropCause", "operation": "last"}
    if features.has(spec, "DNSTracking"):
        yield {"name": "DnsFlagsResponseCode", "operation": "last"}
        yield {"name": "DnsLatencyMs", "operation": "max"}
    if features.has(spec, "NetworkEvents"):
        yield {"name": "NetworkEvents", "operation": "last"}
    if features.has(spec, "FlowRTT"):
        yield {"name": "MaxTimeFlowRttNs", "operation": "max", "input": "TimeFlowRttNs"}


def _sums(*names: str) -> Iterator[dict[str, Any]]:
    for name in names:
        yield {"name": name, "operation": "sum"}
        yield {"name": name, "operation": "sum", "splitAB": True}


def enrich(graph: Graph, previous: str, spec: FlowCollectorSpec) -> str:
    """What Kubernetes knows of both ends, directions, TCP flags, the layer."""
    ends = [
        {
            "ipField": f"{side}Addr",
            "macField": f"{side}Mac",
            "interfacesField": "Interfaces",
            "udnsField": "Udns",
            "output": f"{side}K8S",
            "add_zone": spec.processor.add_zone,
        }
        for side in ("Src", "Dst")
    ]
    if features.has(spec, "PacketTranslation"):
        sides = ("XlatSrc", "XlatDst")
        ends += [{"ipField": f"{side}Addr", "output": f"{side}K8S"} for side in sides]
    pairs = [
        {"namespace": f"{side}K8S_Namespace", "name": f"{side}K8S_Name"} for side in ("Src", "Dst")
    ]
    infra = {
        "namespaceNameFields": pairs,
        "output": "K8S_FlowLayer",
        "infra_prefixes": [spec.namespace, "openshift"],
        "infra_refs": [
            {"namespace": "default", "name": name} for name in ("kubernetes", "openshift")
        ],
    }
    rules = [
        *({"type": "add_kubernetes", "kubernetes": end} for end in ends),
        {"type": "reinterpret_direction"},
        {"type": "decode_tcp_flags", "decode_tcp_flags": {"input": "Flags", "output": "Flags"}},
        {"type": "add_kubernetes_infra", "kubernetes_infra": infra},
    ]
    kube: dict[str, Any] = {"trackedKinds": ["ReplicaSet", "Deployment", "Gateway"]}
    if networks := _secondary(spec):
        kube["secondaryNetworks"] = networks
    direction = {
        "reporterIPField": "AgentIP",
        "srcHostField": "SrcK8S_HostIP",
        "dstHostField": "DstK8S_HostIP",
        "flowDirectionField": "FlowDirection",
    }
    block = {"rules": rules, "kubeConfig": kube, "directionInfo": direction}
    return graph.add("enrich", previous, "transform.network", block)


def _secondary(spec: FlowCollectorSpec) -> list[dict[str, Any]]:
    networks: list[dict[str, Any]] = [
        {"index": {part.lower(): None for part in one.index}}
        for one in features.secondary_networks(spec)
    ]
    if features.has(spec, "UDNMapping"):
        networks.append({"name": "ovn-kubernetes", "index": {"udn": None}})
    return networks


def labels(spec: FlowCollectorSpec, slices: Iterable[Slice]) -> list[Label]:
    """The labels that people gave: the FlowCollector's, then those of slices."""
    custom = [
        Label(one.name, list(one.cidrs)) for one in spec.processor.subnet_labels.custom_labels
    ]
    enabled = spec.processor.slices_config.enable
    return [*custom, *(_of_slices(slices, custom) if enabled else ())]


def subnets(graph: Graph, previous: str, given: list[Label], *, always: bool) -> str:
    """Labels of subnets, the first that is around an address; no stage without a label."""
    if not given and not always:
        return previous
    rules = [
        {
            "type": "add_subnet_label",
            "add_subnet_label": {"input": f"{side}Addr", "output": f"{side}SubnetLabel"},
        }
        for side in ("Src", "Dst")
    ]
    block = {"rules": rules, "subnetLabels": msgspec.to_builtins(given)}
    return graph.add("subnets", previous, "transform.network", block)


def asns(graph: Graph, previous: str, spec: FlowCollectorSpec) -> str:
    """The AS numbers that the cluster's routers advertise for both ends."""
    if not features.advertises(spec):
        return previous
    rules = [
        {"type": "add_asn_label", "add_asn_label": {"input": f"{side}Addr", "output": f"{side}ASN"}}
        for side in ("Src", "Dst")
    ]
    return graph.add("asns", previous, "transform.network", {"rules": rules})


def _of_slices(slices: Iterable[Slice], taken: list[Label]) -> Iterator[Label]:
    """The labels of slices; a network inside one that comes before it is left out."""
    before = [net for label in taken for text in label.cidrs if (net := cidr.network(text))]
    for one in slices:
        for name, texts in one.labels:
            nets = {text: net for text in texts if (net := cidr.network(text))}
            kept = {text: net for text, net in nets.items() if not _within(net, before)}
            before += kept.values()
            if kept:
                yield Label(name, list(kept))


def _within(net: Network, others: Iterable[Network]) -> bool:
    """Whether a network is inside one of the others."""
    start, length = int(net.network_address), net.prefixlen
    return any(
        other.version == net.version
        and other.prefixlen <= length
        and int(other.network_address) <= start <= int(other.broadcast_address)
        for other in others
    )


def filters(
    graph: Graph, previous: str, spec: FlowCollectorSpec, slices: Iterable[Slice], cluster: str
) -> str:
    """Queries, namespaces of slices, the name of the cluster; then the deduper."""
    rules = [*queries(spec.processor.filters, ""), *_allowed(spec, slices)]
    if spec.processor.multi_cluster_deployment and cluster:
        added = {"input": "K8S_ClusterName", "value": cluster}
        rules.append({"type": "add_field_if_doesnt_exist", "addFieldIfDoesntExist": added})
    if rules:
        block = {"rules": rules, "samplingField": "Sampling"}
        previous = graph.add("filters", previous, "transform.filter", block)
    return _dedup(graph, previous, spec)


def queries(sets: Iterable[FilterSet], target: str) -> list[dict[str, Any]]:
    """The queries for one target, as rules."""
    return [
        {
            "type": "keep_entry_query",
            "keepEntryQuery": one.query,
            "keepEntrySampling": one.sampling,
        }
        for one in sets
        if one.output_target == target
    ]


def _allowed(spec: FlowCollectorSpec, slices: Iterable[Slice]) -> Iterator[dict[str, Any]]:
    """The namespaces of an allow list: of the administrator, then of slices."""
    config = spec.processor.slices_config
    if not config.enable or config.collection_mode != "AllowList":
        return
    wanted = dict.fromkeys(config.namespaces_allow_list, 0)
    wanted = {one.namespace: one.sampling for one in slices} | wanted
    ordered = [*dict.fromkeys(config.namespaces_allow_list), *wanted]
    for name in dict.fromkeys(ordered):
        is_pattern = len(name) > 1 and name.startswith("/") and name.endswith("/")
        sign, text = ("=~", name[1:-1]) if is_pattern else ("=", name)
        query = f'SrcK8S_Namespace{sign}"{text}" or DstK8S_Namespace{sign}"{text}"'
        yield {
            "type": "keep_entry_query",
            "keepEntryQuery": query,
            "keepEntrySampling": wanted[name],
        }


def _dedup(graph: Graph, previous: str, spec: FlowCollectorSpec) -> str:
    deduper = spec.processor.deduper
    if deduper.mode in ("", "Disabled"):
        return previous
    twice = [
        {
            "type": "remove_entry_if_equal",
            "removeEntry": {"input": "FlowDirection", "value": 1, "castInt": True},
        },
        {"type": "remove_entry_if_exists", "removeEntry": {"input": "DstK8S_OwnerName"}},
    ]
    sampled = [{"value": deduper.sampling, "rules": twice}]
    rule: dict[str, Any] = {"type": "conditional_sampling", "conditionalSampling": sampled}
    if deduper.mode == "Drop":
        rule = {"type": "remove_entry_all_satisfied", "removeEntryAllSatisfied": twice}
    return graph.add("dedup", previous, "transform.filter", {"rules": [rule]})
