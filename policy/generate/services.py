"""What is behind a Service: policies are about pods, so an edge to a Service is one to its pods."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pipeline.flows import cidr
from policy.ends import End
from policy.generate.networks import Networks
from policy.generate.seen import Edge
from policy.objects import Cluster
from policy.parts import Pod, Reference, Service, ServicePort


class Services:
    """The ends behind the Services of a cluster, by EndpointSlices or else by selectors."""

    def __init__(self, cluster: Cluster, networks: Networks) -> None:
        self._cluster = cluster
        self._networks = networks

    def resolved(self, edges: Iterable[Edge]) -> Iterator[Edge]:
        """The edges, those to Services as edges to what is behind them.

        Of what is behind a Service, it is what the same client was seen with, or else all of it. An
        edge to a Service behind which nothing is known stays as it is.
        """
        listed = list(edges)
        through = any(map(_is_through, listed))
        seen = {_key(edge) for edge in listed} if through else set()
        for edge in listed:
            behind = list(self._behind(edge)) if _is_through(edge) else []
            yield from [one for one in behind if _key(one) in seen] or behind or [edge]

    def _behind(self, edge: Edge) -> Iterator[Edge]:
        reference = Reference("Service", edge.server.namespace, edge.server.workload)
        service = self._cluster.services.get(reference)
        ports = [
            port
            for port in (service.ports if service else ())
            if (port.protocol, port.number) == (edge.protocol, edge.port)
        ]
        if service and ports:
            named = (*edge.services, f"{reference.namespace}/{reference.name}:{edge.port}")
            ends = set(self._listed(reference, ports[0])) or set(self._selected(service, ports[0]))
            for end, number in sorted(ends):
                yield edge._replace(server=end, port=number, services=named)

    def _listed(self, service: Reference, wanted: ServicePort) -> Iterator[tuple[End, int]]:
        """The endpoints of a port, by the EndpointSlices."""
        for one in self._cluster.slices_of(service):
            for port in one.ports:
                if (port.name, port.protocol) == (wanted.name, wanted.protocol):
                    for endpoint in one.endpoints:
                        for address in endpoint.addresses:
                            yield self._at(address), port.number

    def _selected(self, service: Service, wanted: ServicePort) -> Iterator[tuple[End, int]]:
        """The pods that a Service selects, at its target port."""
        for pod in self._cluster.selected_by(service):
            if target := pod.target(wanted):
                yield _end(pod), target

    def _at(self, address: str) -> End:
        """The end that has an address: a workload, a node, or the address itself."""
        pod = self._cluster.pods.by_address.get(address)
        node = self._cluster.host_addresses.get(address)
        if pod:
            return _end(pod)
        if node:
            place = cidr.address(address)
            return End("Node", "", node, self._networks.label(place) if place else "", "")
        return End("", "", "", "", address)


def _is_through(edge: Edge) -> bool:
    return edge.server.kind == "Service"


def _key(edge: Edge) -> tuple[str | int | None, ...]:
    """What an edge is between; labels may be known for some edges only."""
    ends = (edge.client, edge.server)
    return (*(part for end in ends for part in (*end[:3], end.address)), edge.protocol, edge.port)


def _end(pod: Pod) -> End:
    return End(pod.workload.kind, pod.namespace, pod.workload.name, "", "")
