"""The configurations that run a simulation: native, flowlogs-pipeline's dialect, FlowMetrics."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from simulate.cluster import SubnetLabel

_PREFIX = "netobserv_"
_SYN_LABELS = [
    *("SrcSubnetLabel", "SrcK8S_Namespace", "SrcK8S_OwnerName", "SrcK8S_OwnerType"),
    *("DstSubnetLabel", "DstK8S_Namespace", "DstK8S_OwnerName", "DstK8S_OwnerType"),
    *("DstPort", "Flags"),
]
_BYTES_LABELS = [*_SYN_LABELS[:8], "Proto"]


def _remap(src: str, dst: str) -> dict[str, str]:
    names = {
        "K8S_Namespace": "namespace",
        "K8S_OwnerName": "workload",
        "K8S_OwnerType": "kind",
        "SubnetLabel": "subnet_label",
    }
    ends = (("Src", src), ("Dst", dst))
    return {e + f: prefix + name for e, prefix in ends for f, name in names.items()} | {
        "DstPort": "port"
    }


def _syn(remap: Mapping[str, str]) -> dict[str, Any]:
    return {
        "type": "Counter",
        "labels": _SYN_LABELS,
        "flatten": ["Flags"],
        "filters": [{"field": "Flags", "value": "SYN"}],
        "remap": dict(remap),
    }


BLOG_PAIR: dict[str, dict[str, Any]] = {
    "workload-syn-in": _syn(_remap("from_", "")),
    "workload-syn-out": _syn(_remap("", "to_")),
}
"""The specs of the two FlowMetrics of the scenario (docs/reference/scenario.md#flowmetrics)."""

BYTES: dict[str, dict[str, Any]] = {
    "workload-bytes": {"type": "Counter", "valueField": "Bytes", "labels": _BYTES_LABELS}
}
"""The spec of a FlowMetric that adds up the bytes between workloads."""


def flow_metric(name: str, spec: Mapping[str, Any]) -> str:
    """A FlowMetric resource as YAML."""
    resource = {
        "apiVersion": "flows.netobserv.io/v1alpha1",
        "kind": "FlowMetric",
        "metadata": {"name": name, "namespace": "netobserv"},
        "spec": spec,
    }
    return _block(resource)


class Source(NamedTuple):
    """Where the flows come from: fields of the native stage, and the parameter of the dialect."""

    native: Mapping[str, Any]
    flp: Mapping[str, Any]


def file_source(recording: Path, decoder: str) -> Source:
    """A recording beside the configuration.

    The original's file ingester reads lines, so it can run only one that is JSON.
    """
    native = {"type": "ingest_file", "path": recording.name, "decoder": decoder}
    file = {"filename": recording.name, "decoder": {"type": decoder}}
    return Source(native, {"type": "file", "file": file})


def kafka_source(brokers: Sequence[str], topic: str, group: str, decoder: str) -> Source:
    """A topic of protobuf Records or JSON objects."""
    native: dict[str, Any] = {"type": "ingest_kafka", "brokers": [*brokers], "topics": [topic]}
    native |= {"decoder": decoder, "group_id": group}
    kafka: dict[str, Any] = {"brokers": [*brokers], "topic": topic, "groupid": group}
    kafka["decoder"] = {"type": decoder}
    return Source(native, {"type": "kafka", "kafka": kafka})


def native(
    source: Source, inventory: Path, flow_metrics: Path, labels: Sequence[SubnetLabel]
) -> str:
    """The native pipeline; names of files are relative to where it stands."""
    stages = [
        {"name": "flows", **source.native},
        {"name": "k8s", "type": "kubernetes", "follows": "flows", "inventory": inventory.name},
        {"name": "subnets", "type": "subnet_label", "follows": "k8s", "labels": _labels(labels)},
        {"name": "edges", "type": "encode_matrix", "follows": "subnets"},
        {"name": "flags", "type": "tcp_flags", "follows": "subnets"},
        {
            "name": "metrics",
            "type": "flow_metrics",
            "follows": "flags",
            "files": [flow_metrics.name],
        },
        {"name": "expose", "type": "encode_prometheus", "follows": "metrics", "prefix": _PREFIX},
    ]
    return _block({"stages": stages})


def flowlogs_pipeline(
    source: Source,
    inventory: Path,
    metrics: Mapping[str, Mapping[str, Any]],
    labels: Sequence[SubnetLabel],
) -> str:
    """The same pipeline in flowlogs-pipeline's dialect.

    Where the original expects a kubeconfig stands the inventory.
    """
    order = ("flows", "enrich", "subnets", "prometheus")
    pipeline = [{"name": order[0]}] + [
        {"name": name, "follows": before} for before, name in itertools.pairwise(order)
    ]
    ends = ("Src", "Dst")
    enrich = [*(_kubernetes_rule(end) for end in ends), _FLAGS_RULE]
    subnets = [
        {
            "type": "add_subnet_label",
            "add_subnet_label": {"input": f"{end}Addr", "output": f"{end}SubnetLabel"},
        }
        for end in ends
    ]
    kube_config = {
        "configPath": inventory.name,
        "trackedKinds": ["ReplicaSet", "Deployment", "Gateway"],
    }
    networks = {
        "enrich": {"rules": enrich, "kubeConfig": kube_config},
        "subnets": {"rules": subnets, "subnetLabels": _labels(labels)},
    }
    prom = {"prefix": _PREFIX, "metrics": [_item(n, spec) for n, spec in metrics.items()]}
    parameters = [
        {"name": "flows", "ingest": dict(source.flp)},
        *(
            {"name": name, "transform": {"type": "network", "network": network}}
            for name, network in networks.items()
        ),
        {"name": "prometheus", "encode": {"type": "prom", "prom": prom}},
    ]
    return _block({"pipeline": pipeline, "parameters": parameters})


_FLAGS_RULE = {
    "type": "decode_tcp_flags",
    "decode_tcp_flags": {"input": "Flags", "output": "Flags"},
}


def _kubernetes_rule(end: str) -> dict[str, Any]:
    rule = {"ipField": f"{end}Addr", "macField": f"{end}Mac", "output": f"{end}K8S"}
    return {"type": "add_kubernetes", "kubernetes": rule}


def _item(name: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    """A FlowMetric as an item of the prom encoder (docs/reference/flowmetric.md#metric-item)."""
    filters = [{"key": f["field"], "value": f["value"]} for f in spec.get("filters", [])]
    item = {
        "name": name.replace("-", "_"),
        "type": spec["type"].lower(),
        "filters": filters,
        "valueKey": spec.get("valueField"),
        "labels": spec["labels"],
        "remap": spec.get("remap"),
        "flatten": spec.get("flatten"),
    }
    return {key: value for key, value in item.items() if value}


def _labels(labels: Sequence[SubnetLabel]) -> list[dict[str, Any]]:
    return [{"name": name, "cidrs": list(cidrs)} for name, cidrs in labels]


class _Dumper(yaml.SafeDumper):
    """Writes shared lists out each time instead of as anchors."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def _block(document: Mapping[str, Any]) -> str:
    dumped: str = yaml.dump(
        dict(document), Dumper=_Dumper, sort_keys=False, width=100, default_flow_style=None
    )
    return dumped
