"""Kubernetes objects of a namespace "shop", as an inventory has them."""

from __future__ import annotations

from typing import Any

Manifest = dict[str, Any]


def owner(kind: str, name: str) -> list[Manifest]:
    return [{"kind": kind, "name": name, "controller": True}]


def pod(name: str, ip: str, ports: list[Manifest], **more: Any) -> Manifest:
    meta = {"name": name, "namespace": "shop", "labels": {"app": "web", "tier": "front"}}
    spec = {"nodeName": "n1", "containers": [{"ports": ports}], **more.pop("spec", {})}
    status = {"phase": "Running", "hostIP": "10.0.0.1", "podIPs": [{"ip": ip}]}
    return {
        "kind": "Pod",
        "metadata": meta | more.pop("meta", {}),
        "spec": spec,
        "status": status | more,
    }


def service(selector: Manifest, *ports: Manifest, ip: str = "172.30.0.7") -> Manifest:
    meta = {"name": "web", "namespace": "shop"}
    spec = {"clusterIP": ip, "selector": selector, "ports": [*ports]}
    return {"kind": "Service", "metadata": meta, "spec": spec}


def slice_(name: str, addresses: list[str], *ports: Manifest, of: str = "web") -> Manifest:
    labels = {"kubernetes.io/service-name": of}
    meta = {"name": name, "namespace": "shop", "labels": labels}
    endpoints = [{"addresses": [ip]} for ip in addresses]
    return {"kind": "EndpointSlice", "metadata": meta, "endpoints": endpoints, "ports": [*ports]}


HTTP = {"name": "http", "containerPort": 8080}
NODE: Manifest = {
    "kind": "Node",
    "metadata": {"name": "n1"},
    "status": {"addresses": [{"type": "InternalIP", "address": "10.0.0.1"}]},
}
REPLICAS: Manifest = {
    "kind": "ReplicaSet",
    "metadata": {
        "name": "web-1",
        "namespace": "shop",
        "ownerReferences": owner("Deployment", "web"),
    },
}
OWNED = {"meta": {"ownerReferences": owner("ReplicaSet", "web-1")}}
