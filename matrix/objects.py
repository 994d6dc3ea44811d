"""What the objects of a cluster say about edges: declared ports, and what is behind a Service."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
import polars as pl

from matrix.backends import BACKENDS, Backend, Cluster, End, backends, node_ports
from pipeline.kube.api import objects
from pipeline.kube.api.objects import Object
from pipeline.kube.index.entries import Entry
from pipeline.kube.index.index import Index
from pipeline.kube.index.kept import IndexDump
from pipeline.kube.inventory.export import restore

DECLARED = pl.Schema(
    {
        **dict.fromkeys(End._fields, pl.String()),
        "protocol": pl.String(),
        "port": pl.Int32(),
    }
)
_SERVICES = {"address": pl.String(), "service": pl.String()}
_Port = tuple[End, str, int]


@dataclass(frozen=True, eq=False)
class Objects:
    """The parts of a cluster's objects that edges depend on.

    `declared`: the ports that an end declares (the schema DECLARED): those of containers,
    Services, nodes (hostPort, nodePort, host network) and EndpointSlices.
    `backends`: what is behind the ports of Services and hostPorts (the schema BACKENDS).
    `node_ports`: the ports of nodes that lead to them (NODE_PORTS).
    `services`: each cluster `address` and the name of its `service` ("namespace/name"). `probed`:
    the declared ports that kubelets ask. `guests`: who declares a port on the network of a node
    (`guest`, "namespace/workload"), with the node as the end.
    """

    declared: pl.DataFrame
    backends: pl.DataFrame
    node_ports: pl.DataFrame
    services: pl.DataFrame
    probed: pl.DataFrame
    guests: pl.DataFrame

    @classmethod
    def of(cls, manifests: Iterable[Mapping[str, Any] | Object] = ()) -> Objects:
        """From Kubernetes objects, as an inventory file or /api/v0/inventory has them.

        Raises ValueError for an object that does not have the shape of its kind.
        """
        cluster = Cluster()
        for one in manifests:
            _add(cluster, one if isinstance(one, Object) else objects.of(one))
        return cls._of(cluster)

    @classmethod
    def known(cls, dump: IndexDump, slices: Iterable[Object] = ()) -> Objects:
        """From the content of an index, whose entries are shared, and EndpointSlices."""
        return cls._of(Cluster(Index.of(dump), list(slices)))

    @classmethod
    def _of(cls, cluster: Cluster) -> Objects:
        found = list(backends(cluster))
        entries = cluster.index.entries.values()
        services = {
            address: f"{entry.namespace}/{entry.name}"
            for entry in entries
            if entry.kind == "Service"
            for address in entry.addresses
        }
        pods = [one for one in entries if one.kind == "Pod"]
        probed = {
            (end, port.protocol, port.number)
            for pod in pods
            for port in pod.ports
            if port.probed and not pod.ended
            for end, _ in cluster.ends(pod)
        }
        return cls(
            _frame(_ports(cluster, found)),
            _behind(found),
            node_ports(cluster),
            pl.DataFrame(list(services.items()), schema=_SERVICES, orient="row"),
            _frame(probed),
            _guests(cluster, [pod for pod in pods if pod.host_network and not pod.ended]),
        )


def _add(cluster: Cluster, one: Object) -> None:
    try:
        if one.kind == "EndpointSlice":
            cluster.slices.append(one)
        else:
            restore(cluster.index, one)
    except msgspec.ValidationError as error:
        raise ValueError(f"{one.kind} {one.metadata.name}: {error}") from error


def _ports(cluster: Cluster, behind: Iterable[Backend]) -> set[_Port]:
    return {*_own(cluster), *((one.end, one.protocol, one.to_port) for one in behind)}


def _frame(ports: Iterable[_Port]) -> pl.DataFrame:
    rows = [(*end, protocol, port) for end, protocol, port in sorted(ports)]
    return pl.DataFrame(rows, schema=DECLARED, orient="row")


def _guests(cluster: Cluster, pods: Iterable[Entry]) -> pl.DataFrame:
    """The pods on the network of their node, by the ports that they declare."""
    rows = sorted(
        (*end, port.protocol, port.number, f"{pod.namespace}/{cluster.owner(pod)}")
        for pod in pods
        for port in pod.ports
        for end, _ in cluster.ends(pod)
    )
    return pl.DataFrame(rows, schema={**DECLARED, "guest": pl.String()}, orient="row").unique()


def _own(cluster: Cluster) -> Iterator[_Port]:
    """The ports that pods and Services declare themselves."""
    entries = cluster.index.entries.values()
    nodes = [End("Node", "", entry.name) for entry in entries if entry.kind == "Node"]
    for entry in entries:
        if entry.ended:
            continue
        if entry.kind == "Service":
            own = End("Service", entry.namespace, entry.name)
            yield from ((own, port.protocol, port.number) for port in entry.ports)
            ways = nodes
        else:
            ends = cluster.ends(entry)
            yield from ((e, port.protocol, port.number) for port in entry.ports for e, _ in ends)
            ways = [End("Node", "", cluster.node(entry))]
        yield from (
            (e, port.protocol, port.host) for port in entry.ports if port.host for e in ways
        )


def _behind(found: Iterable[Backend]) -> pl.DataFrame:
    flat = [(*one[:-2], *one.end, one.to_port) for one in found]
    return pl.DataFrame(flat, schema=BACKENDS, orient="row")
