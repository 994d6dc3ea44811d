"""What is behind the ports of Services and nodes: by EndpointSlices, or by selectors and pods."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import msgspec
import polars as pl

from pipeline.flows import cidr
from pipeline.kube.api.objects import SERVICE_NAME, Endpoint, Object, Port
from pipeline.kube.index.entries import DeclaredPort, Entry
from pipeline.kube.index.index import Index
from pipeline.kube.index.owners import Climb

_USUAL = Climb(frozenset({"ReplicaSet", "Deployment", "Gateway"}))
_ALL = Climb(_USUAL.tracked, further=True)


class End(NamedTuple):
    """The server's end of an edge; an address that no object has stands for itself."""

    kind: str
    namespace: str
    workload: str
    address: str = ""


class Backend(NamedTuple):
    """An endpoint of a port of a Service: a workload, a node or an address.

    A node with a pod's hostPort is as a Service without a namespace.

    An endpoint (`member`) has several ends where its owners have owners: flows name one of them,
    as the pipeline climbs. `usual`: the one that it names unless it is configured otherwise.
    """

    namespace: str
    service: str
    protocol: str
    port: int
    member: int
    usual: bool
    end: End
    to_port: int


BACKENDS = pl.Schema(
    {
        "service_namespace": pl.String(),
        "service": pl.String(),
        "protocol": pl.String(),
        "service_port": pl.Int32(),
        "member": pl.UInt32(),
        "usual": pl.Boolean(),
        **{name: pl.String() for name in End._fields},
        "port": pl.Int32(),
    }
)
"""A row for each port of a Service and each end behind it (see `Backend`)."""


NODE_PORTS = pl.Schema(
    {
        "service_namespace": pl.String(),
        "service": pl.String(),
        "protocol": pl.String(),
        "service_port": pl.Int32(),
        "node": pl.String(),
        "port": pl.Int32(),
    }
)
"""A row for each `port` of a node that leads to a port of a Service; `node` is null for all nodes.

A nodePort leads to its Service, a hostPort to the pod behind the node (see `Backend`).
"""


@dataclass(eq=False)
class Cluster:
    """Objects by address and by label."""

    index: Index = field(default_factory=Index)
    slices: list[Object] = field(default_factory=list)

    def ends(self, entry: Entry) -> list[tuple[End, bool]]:
        """The ends that flows of a pod or node may name, and whether it is the usual one."""
        if entry.kind == "Pod" and entry.host_network:
            return [(End("Node", "", self.node(entry)), True)]
        namespace = "" if entry.kind == "Node" else entry.namespace
        usual = self.index.owner(entry, _USUAL)
        return [
            (End(owner.kind, namespace, owner.name), owner == usual)
            for owner in self.index.owners(entry, _ALL)
        ]

    def owner(self, entry: Entry) -> str:
        """The name of the workload of a pod."""
        return self.index.owner(entry, _USUAL).name

    def node(self, entry: Entry) -> str:
        """The node of a pod."""
        return self.index.peer(entry, "", _USUAL).host_name or entry.node

    @cached_property
    def labelled(self) -> dict[tuple[str, str, str], set[str]]:
        """The names of the pods with a label: namespace, key, value -> names."""
        found: dict[tuple[str, str, str], set[str]] = {}
        for (kind, namespace, name), entry in self.index.entries.items():
            if kind == "Pod" and not entry.ended:
                for key, value in entry.labels.items():
                    found.setdefault((namespace, key, value), set()).add(name)
        return found

    @cached_property
    def sliced(self) -> dict[tuple[str, str], list[Object]]:
        """The EndpointSlices of a Service: namespace, name -> slices."""
        found: dict[tuple[str, str], list[Object]] = {}
        for one in self.slices:
            service = (one.metadata.labels or {}).get(SERVICE_NAME, one.metadata.name)
            found.setdefault((one.metadata.namespace or "", service), []).append(one)
        return found


def backends(cluster: Cluster) -> Iterator[Backend]:
    """What is behind every port of every Service, and every hostPort."""
    entries = cluster.index.entries
    members: dict[tuple[tuple[End, bool], ...], int] = {}
    for service in [entry for entry in entries.values() if entry.kind == "Service"]:
        slices = cluster.sliced.get((service.namespace, service.name))
        if slices:
            behind = _listed(cluster, service, slices)
        else:
            pods = [entries["Pod", service.namespace, name] for name in _selected(cluster, service)]
            behind = _targeted(cluster, service, pods)
        found = {
            (port.protocol, port.number, members.setdefault(ends, len(members)), ends, to)
            for port, ends, to in behind
        }
        for protocol, number, member, ends, to in sorted(found):
            for end, usual in ends:
                where = (service.namespace, service.name, protocol, number)
                yield Backend(*where, member, usual, end, to)
    for node, port, pod in _on_hosts(cluster):
        ends = tuple(cluster.ends(pod))
        member = members.setdefault(ends, len(members))
        for end, usual in ends:
            yield Backend("", node, port.protocol, port.host, member, usual, end, port.number)


def node_ports(cluster: Cluster) -> pl.DataFrame:
    """The ports of nodes that lead to Services and pods (NODE_PORTS)."""
    rows = {
        (entry.namespace, entry.name, port.protocol, port.number, None, port.host)
        for entry in cluster.index.entries.values()
        if entry.kind == "Service"
        for port in entry.ports
        if port.host
    }
    hosts = {(node, port.protocol, port.host) for node, port, _ in _on_hosts(cluster)}
    listed = [*sorted(rows), *(("", *one, one[0], one[-1]) for one in sorted(hosts))]
    return pl.DataFrame(listed, schema=NODE_PORTS, orient="row")


def _on_hosts(cluster: Cluster) -> Iterator[tuple[str, DeclaredPort, Entry]]:
    """The nodes with a hostPort, and the port and pod that it leads to."""
    for entry in cluster.index.entries.values():
        if entry.kind == "Pod" and not (entry.ended or entry.host_network):
            yield from ((cluster.node(entry), port, entry) for port in entry.ports if port.host)


_Behind = Iterator[tuple[DeclaredPort, tuple[tuple[End, bool], ...], int]]


def _listed(cluster: Cluster, service: Entry, slices: Iterable[Object]) -> _Behind:
    """The addresses of EndpointSlices, by the name of the port."""
    for one in slices:
        offered = msgspec.json.decode(one.ports, type=list[Port] | None) or ()
        endpoints = msgspec.json.decode(one.endpoints, type=list[Endpoint] | None) or ()
        addresses = [ip for each in endpoints for ip in each.addresses or ()]
        ends = {_at(cluster, cidr.canonical(ip)) for ip in addresses}
        for port in service.ports:
            for target in offered:
                same = (target.name or "", target.protocol or "TCP") == (port.name, port.protocol)
                if same and target.port:
                    yield from ((port, end, target.port) for end in ends)


def _at(cluster: Cluster, address: str) -> tuple[tuple[End, bool], ...]:
    found = cluster.index.periods(address)
    if not found:
        return ((End("", "", "", address), True),)
    return tuple(cluster.ends(found[-1][0].entry))


def _selected(cluster: Cluster, service: Entry) -> set[str]:
    chosen = [
        cluster.labelled.get((service.namespace, *pair), set()) for pair in service.selector.items()
    ]
    return set.intersection(*chosen) if chosen else set()


def _targeted(cluster: Cluster, service: Entry, pods: Iterable[Entry]) -> _Behind:
    """The selected pods; a target that is a name is a port of each of them."""
    for pod in pods:
        ends = tuple(cluster.ends(pod))
        for port in service.ports:
            target = port.target or port.number
            if isinstance(target, str):
                own = {(one.name, one.protocol): one.number for one in pod.ports}
                target = own.get((target, port.protocol), 0)
            if target:
                yield port, ends, target
