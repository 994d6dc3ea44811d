"""The objects of a cluster that a policy is judged by, from manifests as the API prints them.

Sources: the API reference of Kubernetes v1 (Pod, Namespace, Node, Service), apps/v1, batch/v1 and
discovery.k8s.io/v1. `kubernetes.io/metadata.name` is a label of every namespace, given or not.
"""

from __future__ import annotations

import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any

import msgspec

from pipeline.diagnostics import Problem
from pipeline.flows import cidr
from pipeline.kube.api.objects import SERVICE_NAME
from pipeline.kube.index import keys
from pipeline.yaml.validate import in_words
from policy import shapes
from policy.parts import (
    Controller,
    Endpoint,
    EndpointSlice,
    NamedPort,
    Node,
    Pod,
    Reference,
    Service,
    ServicePort,
    lasting,
)
from policy.pods import Pods
from policy.selectors import LabelSelector

Manifest = dict[str, Any]
NAME_LABEL = "kubernetes.io/metadata.name"
_HOPS = 3
_RUN = re.compile(r"(.+)-[0-9]{8,}")
"""The name of a CronJob's Job ends in the minutes since 1970."""


class Cluster:
    """The objects, by what they are asked for. `problems`: objects that cannot be used, and why."""

    def __init__(self, manifests: Iterable[Manifest]) -> None:
        self.problems: list[Problem] = []
        self.namespaces: dict[str, Mapping[str, str]] = {}
        self.pods = Pods()
        self.controllers: dict[Reference, Controller] = {}
        self.nodes: dict[str, Node] = {}
        self.services: dict[Reference, Service] = {}
        self.policies: list[Manifest] = []
        self.others: list[Manifest] = []
        self._owner: dict[Reference, Reference] = {}
        self._slices: dict[Reference, list[bytes]] = defaultdict(list)
        """As JSON, which takes half of what they do: few are asked for."""
        self._asked: dict[Reference, list[EndpointSlice]] = {}
        for one in manifests:
            try:
                self._add(one)
            except (msgspec.ValidationError, TypeError) as error:
                self.problems.append(Problem((), f"{_called(one)}: {in_words(error)}"))
        self.pods.climb(lambda one: tuple(self._chain(one, _HOPS)))

    def labels_of_namespace(self, name: str) -> Mapping[str, str]:
        """The labels of a namespace, that of its name included."""
        return {**self.namespaces.get(name, {}), NAME_LABEL: name}

    def pods_of(self, workload: Reference) -> list[Pod]:
        """The pods of a workload; ended ones, or its template, only where it has no others."""
        found = [*self._named(workload), *self.pods.of(workload)]
        living = [pod for pod in found if not pod.has_ended]
        controller = self.controllers.get(self.workload_of(workload))
        template = [controller.template] if controller and controller.template else []
        return living or found or template

    def workload_of(self, one: Reference) -> Reference:
        """The workload that outlives this one: the Deployment of a ReplicaSet, say.

        It is the CronJob even of a Job that is gone.
        """
        named = self._named(one)
        found = lasting([one, *named[-1].owners] if named else self._chain(one))
        run = _RUN.fullmatch(found.name) if found.kind == "Job" else None
        parent = Reference("CronJob", found.namespace, run[1] if run else "")
        return parent if parent in self.controllers else found

    def selected_by(self, service: Service) -> list[Pod]:
        """The living pods that a Service selects; none where it has no selector."""
        if not service.selector:
            return []
        selector = LabelSelector(dict(service.selector))
        return self.pods.selected(service.reference.namespace, selector)

    def slices_of(self, service: Reference) -> list[EndpointSlice]:
        """The EndpointSlices of a Service."""
        if service not in self._asked:
            given = map(msgspec.json.decode, self._slices.get(service, ()))
            self._asked[service] = [_slice(service, one) for one in given]
        return self._asked[service]

    @cached_property
    def host_addresses(self) -> Mapping[str, str]:
        """The names of the nodes by address, those of pods on the host network included."""
        own = {ip: node.name for node in self.nodes.values() for ip in node.addresses}
        return {ip: pod.node for pod in self.pods.on_host_network() for ip in pod.addresses} | own

    def _named(self, one: Reference) -> list[Pod]:
        return self.pods.named(one.namespace, one.name) if one.kind == "Pod" else []

    def _add(self, one: Manifest) -> None:
        meta = msgspec.convert(one.get("metadata"), shapes.Metadata)
        kind, namespace = sys.intern(str(one.get("kind"))), sys.intern(meta.namespace or "")
        reference = Reference(kind, namespace, meta.name)
        owner = self._owned_by(meta, namespace)
        if owner and kind != "Pod":
            self._owner[reference] = owner
        match kind:
            case "Namespace":
                self.namespaces[meta.name] = meta.labels or {}
            case "Pod":
                self.pods.add(_pod(reference, meta, one, (owner,) if owner else ()))
            case "Node":
                self.nodes[meta.name] = _node(meta, one)
            case "Service":
                self.services[reference] = _service(reference, one)
            case "EndpointSlice":
                self._add_slice(namespace, (meta.labels or {}).get(SERVICE_NAME), one)
            case "NetworkPolicy":
                self.policies.append(one)
            case _ if kind in shapes.CONTROLLERS:
                self.controllers[reference] = _controller(reference, one)
            case _:
                self.others.append(one)

    def _add_slice(self, namespace: str, service: str | None, one: Manifest) -> None:
        if service:
            reference = Reference("Service", namespace, service)
            _slice(reference, one)
            parts = {name: one.get(name) for name in ("endpoints", "ports")}
            self._slices[reference].append(msgspec.json.encode(parts))

    def _owned_by(self, meta: shapes.Metadata, namespace: str) -> Reference | None:
        """The controller of an object; a node is none."""
        if not meta.controller or meta.controller.kind == "Node":
            return None
        return Reference(meta.controller.kind, namespace, meta.controller.name)

    def _chain(self, one: Reference, most: int = _HOPS + 1) -> list[Reference]:
        """An object and its owners, the nearest first."""
        found = [one]
        while len(found) < most and (owner := self._owner.get(found[-1])):
            found.append(owner)
        return found


def _called(one: Manifest) -> str:
    meta = one.get("metadata")
    name = meta.get("name", "") if isinstance(meta, dict) else ""
    return f"{one.get('kind') or 'object without kind'} {name}".strip()


def _pod(
    reference: Reference, meta: shapes.Metadata, one: Manifest, owners: tuple[Reference, ...]
) -> Pod:
    spec = msgspec.convert(one.get("spec") or {}, shapes.PodSpec)
    status = msgspec.convert(one.get("status") or {}, shapes.PodStatus)
    given = [each.ip for each in status.pod_ips or ()] or [status.pod_ip]
    hosts = {each.ip for each in status.host_ips or ()} | {status.host_ip}
    addresses = _addresses(filter(None, given))
    return Pod(
        reference.namespace,
        reference.name,
        meta.labels or {},
        addresses,
        sys.intern(spec.node_name or ""),
        bool(spec.host_network) or bool(hosts.intersection(filter(None, given))),
        _named_ports(spec),
        status.phase in shapes.ENDED or shapes.RELEASED in (meta.annotations or {}),
        owners,
    )


def _addresses(texts: Iterable[str]) -> tuple[str, ...]:
    """The addresses among texts, in their canonical form."""
    return tuple(filter(cidr.address, map(cidr.canonical, texts)))


def _named_ports(spec: shapes.PodSpec) -> tuple[NamedPort, ...]:
    """Of containers, and of init containers that go on running (sidecars)."""
    sidecars = [one for one in spec.init_containers or () if one.restart_policy == "Always"]
    ports = (port for one in (*(spec.containers or ()), *sidecars) for port in one.ports or ())
    return tuple(
        NamedPort(port.name, port.protocol or "TCP", port.container_port)
        for port in ports
        if port.name
    )


def _controller(reference: Reference, one: Manifest) -> Controller:
    spec = msgspec.convert(one.get("spec") or {}, shapes.ControllerSpec)
    if spec.job_template:
        spec = spec.job_template.spec or shapes.ControllerSpec()
    selector = spec.selector or None
    if reference.kind in shapes.BY_LABELS and selector:
        selector = {"matchLabels": selector}
    template = spec.template
    own = msgspec.convert(selector, LabelSelector) if selector else None
    return Controller(reference, own, _template(reference, template) if template else None)


def _template(reference: Reference, template: shapes.Template) -> Pod:
    return Pod(
        reference.namespace,
        "",
        template.metadata.labels or {},
        on_host_network=bool(template.spec.host_network),
        ports=_named_ports(template.spec),
        owners=(reference,),
    )


def _node(meta: shapes.Metadata, one: Manifest) -> Node:
    spec = msgspec.convert(one.get("spec") or {}, shapes.NodeSpec)
    status = msgspec.convert(one.get("status") or {}, shapes.NodeStatus)
    addresses = [each.address for each in status.addresses or ()]
    addresses += keys.management_addresses(meta.annotations or {})
    networks = spec.pod_cidrs or ([spec.pod_cidr] if spec.pod_cidr else [])
    return Node(meta.name, _addresses(addresses), tuple(networks))


def _service(reference: Reference, one: Manifest) -> Service:
    spec = msgspec.convert(one.get("spec") or {}, shapes.ServiceSpec)
    ports = (
        ServicePort(each.name or "", each.protocol or "TCP", each.port, each.target or each.port)
        for each in spec.ports or ()
    )
    given = spec.cluster_ips or [spec.cluster_ip or ""]
    return Service(reference, spec.selector or {}, tuple(ports), _addresses(given))


def _slice(service: Reference, one: Manifest) -> EndpointSlice:
    found = msgspec.convert(one.get("endpoints") or [], list[shapes.Endpoint])
    ports = msgspec.convert(one.get("ports") or [], list[shapes.EndpointPort])
    endpoints = (
        Endpoint(
            _addresses(each.addresses),
            Reference("Pod", each.target_ref.namespace or service.namespace, each.target_ref.name)
            if each.target_ref and each.target_ref.kind == "Pod"
            else None,
        )
        for each in found
    )
    named = (
        NamedPort(each.name or "", each.protocol or "TCP", each.port) for each in ports if each.port
    )
    return EndpointSlice(service, tuple(endpoints), tuple(named))
