"""The parts of Kubernetes objects that an inventory has: no images, no environment, no secrets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import yaml

from pipeline.diagnostics import ConfigError
from pipeline.kube.index import keys
from pipeline.kube.inventory.export import Manifest
from pipeline.yaml import kubernetes

_SETTINGS = ("install-config", "ClusterConfiguration")
"""YAML documents in ConfigMaps; only `networking` is taken, the rest may be secret."""

_NETWORK_ANNOTATIONS = frozenset({keys.NODE_SUBNETS, keys.POD_NETWORKS, keys.NETWORK_STATUS})
_CONDITION = "PodReadyToStartContainers"
_STATUS = ("phase", "startTime", "hostIP", "hostIPs", "podIP", "podIPs", "addresses", "conditions")
_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
_ENDPOINT = ("addresses", "conditions", "nodeName", "targetRef")
_CONTAINERS = ("containers", "initContainers")


def reduced(version: str, kind: str, one: Mapping[str, Any], *, annotations: bool) -> Manifest:
    """What an inventory has of an object; `annotations` keeps all of them, not only networks'."""
    kept: Manifest = {"apiVersion": version, "kind": kind}
    kept["metadata"] = _metadata(one["metadata"], annotations=annotations)
    return kept | _KINDS.get(kind, _nothing)(one)


def _metadata(meta: Mapping[str, Any], *, annotations: bool) -> Manifest:
    found = _taken(meta, "name", "namespace", "creationTimestamp", "deletionTimestamp", "labels")
    noted = meta.get("annotations") or {}
    noted = noted if annotations else {k: noted[k] for k in noted if k in _NETWORK_ANNOTATIONS}
    if noted:
        found["annotations"] = noted
    owners = meta.get("ownerReferences") or []
    if owners:
        found["ownerReferences"] = [_taken(one, "kind", "name", "controller") for one in owners]
    return found


def _nothing(_: Mapping[str, Any]) -> Manifest:
    return {}


def _whole(one: Mapping[str, Any]) -> Manifest:
    return {"spec": one.get("spec")}


def _pod(one: Mapping[str, Any]) -> Manifest:
    status = _taken(one.get("status") or {}, *_STATUS)
    conditions = [c for c in status.pop("conditions", []) if c.get("type") == _CONDITION]
    if conditions:
        status["conditions"] = conditions
    return {"spec": _pod_spec(one.get("spec") or {})} | ({"status": status} if status else {})


def _pod_spec(spec: Mapping[str, Any]) -> Manifest:
    found = _taken(spec, "nodeName", "hostNetwork")
    for place in _CONTAINERS:
        if spec.get(place):
            found[place] = [_container(container) for container in spec[place]]
    return found


def _container(one: Mapping[str, Any]) -> Manifest:
    found = _taken(one, "name", "restartPolicy", "ports")
    for name in _PROBES:
        probe = _taken(one.get(name) or {}, "httpGet", "tcpSocket", "grpc")
        if probe:
            found[name] = {way: _taken(asked, "port") for way, asked in probe.items()}
    return found


def _node(one: Mapping[str, Any]) -> Manifest:
    spec = _taken(one.get("spec") or {}, "podCIDRs")
    status = _taken(one.get("status") or {}, "addresses")
    return {"spec": spec} | ({"status": status} if status else {})


def _service(one: Mapping[str, Any]) -> Manifest:
    spec = one.get("spec") or {}
    return {"spec": _taken(spec, "type", "clusterIP", "clusterIPs", "selector", "ports")}


def _controller(one: Mapping[str, Any]) -> Manifest:
    return {"spec": _controller_spec(one.get("spec") or {})}


def _cron_job(one: Mapping[str, Any]) -> Manifest:
    template = (one.get("spec") or {}).get("jobTemplate") or {}
    return {"spec": {"jobTemplate": {"spec": _controller_spec(template.get("spec") or {})}}}


def _controller_spec(spec: Mapping[str, Any]) -> Manifest:
    found = _taken(spec, "replicas", "selector")
    template = spec.get("template") or {}
    made: Manifest = {"spec": _pod_spec(template.get("spec") or {})}
    labels = (template.get("metadata") or {}).get("labels")
    if labels:
        made = {"metadata": {"labels": labels}, **made}
    return found | {"template": made}


def _endpoint_slice(one: Mapping[str, Any]) -> Manifest:
    found = [_taken(each, *_ENDPOINT) for each in one.get("endpoints") or []]
    for each in found:
        if "targetRef" in each:
            each["targetRef"] = _taken(each["targetRef"], "kind", "namespace", "name")
    return _taken(one, "addressType", "ports") | {"endpoints": found}


def _config_map(one: Mapping[str, Any]) -> Manifest:
    data = one.get("data") or {}
    return {"data": {key: _networking(data[key]) for key in _SETTINGS if key in data}}


def _flow_collector(one: Mapping[str, Any]) -> Manifest:
    labels = one["spec"].get("processor", {}).get("subnetLabels", {})
    return {"spec": {"processor": {"subnetLabels": labels}}}


def _networking(text: str) -> str:
    try:
        document = next(kubernetes.documents(text, ""), None)
    except ConfigError:
        return ""
    settings = document.data if document and isinstance(document.data, dict) else {}
    return yaml.safe_dump({"networking": settings.get("networking")}, sort_keys=False)


def _taken(one: Mapping[str, Any], *names: str) -> Manifest:
    return {name: one[name] for name in names if one.get(name) not in (None, "", [], {})}


CONTROLLERS = frozenset(
    {"Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "ReplicationController", "Job"}
)
"""Kinds with a selector and a template of pods."""

_KINDS: dict[str, Callable[[Mapping[str, Any]], Manifest]] = {
    "Pod": _pod,
    "Node": _node,
    "Service": _service,
    **dict.fromkeys(CONTROLLERS, _controller),
    "CronJob": _cron_job,
    "EndpointSlice": _endpoint_slice,
    "NetworkPolicy": _whole,
    "ServiceCIDR": _whole,
    "Network": _whole,
    "ConfigMap": _config_map,
    "FlowCollector": _flow_collector,
}
