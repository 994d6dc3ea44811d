"""Kubernetes objects of a made-up cluster, complete enough for an API server to take them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import yaml

from pipeline import files

Manifest = dict[str, Any]


class ContainerPort(NamedTuple):
    """A port that a container declares; `host` is the port of its node that leads to it, if any."""

    number: int
    protocol: str = "TCP"
    name: str = "main"
    host: int = 0


class ServicePort(NamedTuple):
    """A port of a Service and the port of its endpoints."""

    port: int
    target: int
    protocol: str = "TCP"


class Service(NamedTuple):
    """A Service: its cluster address, and the `app` its pods carry (empty: bare endpoints)."""

    namespace: str
    name: str
    address: str
    ports: tuple[ServicePort, ...]
    app: str = ""


class Workload(NamedTuple):
    """A controller of pods: how many there are, and the ports that their containers declare."""

    kind: str
    namespace: str
    name: str
    replicas: int
    ports: tuple[ContainerPort, ...] = ()


class Coordinates(NamedTuple):
    """Where a pod runs: node name, node address, pod address (on the host network the same)."""

    node: str
    host: str
    address: str


def namespace(name: str) -> Manifest:
    """A Namespace, with the label that policies select it by."""
    labels = {"kubernetes.io/metadata.name": name}
    return _object("v1", "Namespace", "", name, labels=labels)


def node(name: str, address: str, subnet: str, zone: str) -> Manifest:
    """A Node with the subnet that OVN-Kubernetes gave it."""
    labels = {"kubernetes.io/hostname": name, "topology.kubernetes.io/zone": zone}
    annotations = {"k8s.ovn.org/node-subnets": f'{{"default":["{subnet}"]}}'}
    addresses = [
        {"type": "InternalIP", "address": address},
        {"type": "Hostname", "address": name},
    ]
    status = {"addresses": addresses}
    return _object("v1", "Node", "", name, labels=labels, annotations=annotations) | {
        "status": status
    }


def controller(workload: Workload, template_hash: str) -> list[Manifest]:
    """The controller of a workload; a Deployment is followed by its ReplicaSet.

    So is a CronJob by one of its Jobs, which stands for all of them.
    """
    labels = {"app": workload.name}
    if workload.kind == "CronJob":
        return _cron_job(workload, labels)
    top = _controller(workload, labels)
    if workload.kind != "Deployment":
        return [top]
    name = f"{workload.name}-{template_hash}"
    below = workload._replace(kind="ReplicaSet", name=name)
    replica_set = _controller(below, {**labels, "pod-template-hash": template_hash})
    replica_set["metadata"]["ownerReferences"] = [_owner(top)]
    return [top, replica_set]


def pod(ns: str, name: str, app: str, parent: Manifest, place: Coordinates) -> Manifest:
    """A running Pod of `parent`, with the containers of its template."""
    labels = {"app": app} | parent["spec"]["selector"]["matchLabels"]
    made = _object("v1", "Pod", ns, name, labels=labels)
    made["metadata"]["ownerReferences"] = [_owner(parent)]
    status = {
        "phase": "Running",
        "hostIP": place.host,
        "podIP": place.address,
        "podIPs": [{"ip": place.address}],
    }
    spec = {"nodeName": place.node, **parent["spec"]["template"]["spec"]}
    if place.address == place.host:
        spec["hostNetwork"] = True
    return made | {"spec": spec, "status": status}


def service(service: Service, endpoints: Sequence[str]) -> list[Manifest]:
    """A Service and its EndpointSlice; without `app` no selector, and an Endpoints object too."""
    ns, name = service.namespace, service.name
    named = [(f"{p.protocol.lower()}-{p.port}", p) for p in service.ports]
    offered = [_port(label, p) | {"port": p.port, "targetPort": p.target} for label, p in named]
    targets = [_port(label, p) | {"port": p.target} for label, p in named]
    spec: Manifest = {"clusterIP": service.address, "clusterIPs": [service.address]}
    if service.app:
        spec["selector"] = {"app": service.app}
    labels = {"kubernetes.io/service-name": name}
    slice_ = _object("discovery.k8s.io/v1", "EndpointSlice", ns, f"{name}-1", labels=labels)
    slice_["addressType"] = "IPv4"
    slice_["endpoints"] = [{"addresses": [e], "conditions": {"ready": True}} for e in endpoints]
    slice_["ports"] = targets
    made = [_object("v1", "Service", ns, name) | {"spec": spec | {"ports": offered}}, slice_]
    if not service.app:
        subset = {"addresses": [{"ip": endpoint} for endpoint in endpoints], "ports": targets}
        made.append(_object("v1", "Endpoints", ns, name) | {"subsets": [subset]})
    return made


def write(path: Path, manifests: Sequence[Manifest]) -> None:
    """Write an inventory: YAML documents, or for a .json file one List."""
    if path.suffix == ".json":
        listed = {"apiVersion": "v1", "kind": "List", "items": manifests}
        files.write(path, msgspec.json.encode(listed))
        return
    files.write(path, str(yaml.dump_all(manifests, Dumper=_Dumper, sort_keys=False, width=100)))


class _Dumper(yaml.SafeDumper):
    """Writes shared lists out each time instead of as anchors."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def _object(
    version: str,
    kind: str,
    ns: str,
    name: str,
    *,
    labels: dict[str, str] | None = None,
    annotations: dict[str, str] | None = None,
) -> Manifest:
    metadata: Manifest = {"name": name}
    if ns:
        metadata["namespace"] = ns
    metadata["uid"] = "-".join(filter(None, ("uid", kind.lower(), ns, name)))
    if labels:
        metadata["labels"] = labels
    if annotations:
        metadata["annotations"] = annotations
    return {"apiVersion": version, "kind": kind, "metadata": metadata}


def _controller(workload: Workload, labels: dict[str, str]) -> Manifest:
    spec: Manifest = {} if workload.kind == "DaemonSet" else {"replicas": workload.replicas}
    if workload.kind == "StatefulSet":
        spec["serviceName"] = workload.name
    spec["selector"] = {"matchLabels": labels}
    containers = {"containers": _containers(workload.ports)}
    spec["template"] = {"metadata": {"labels": labels}, "spec": containers}
    kind, ns, name = workload[:3]
    return _object("apps/v1", kind, ns, name, labels={"app": labels["app"]}) | {"spec": spec}


def _cron_job(workload: Workload, labels: dict[str, str]) -> list[Manifest]:
    run = f"{workload.name}-29361120"
    template = {"metadata": {"labels": labels}, "spec": {"containers": _containers(workload.ports)}}
    own = _object("batch/v1", "CronJob", workload.namespace, workload.name, labels=labels)
    own["spec"] = {"schedule": "0 0 * * *", "jobTemplate": {"spec": {"template": template}}}
    job = _object("batch/v1", "Job", workload.namespace, run, labels=labels)
    job["metadata"]["ownerReferences"] = [_owner(own)]
    selector = {"matchLabels": {"batch.kubernetes.io/controller-uid": job["metadata"]["uid"]}}
    job["spec"] = {"selector": selector, "template": template}
    return [own, job]


def _port(name: str, port: ServicePort) -> Manifest:
    return {"name": name, "protocol": port.protocol}


def _owner(owner: Manifest) -> Manifest:
    meta = owner["metadata"]
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": meta["name"],
        "uid": meta["uid"],
        "controller": True,
    }


def _containers(ports: Sequence[ContainerPort]) -> list[Manifest]:
    declared = [
        {"name": one.name, "containerPort": one.number, "protocol": one.protocol}
        | ({"hostPort": one.host} if one.host else {})
        for one in ports
    ]
    return [{"name": "main", "image": "workload"} | ({"ports": declared} if declared else {})]
