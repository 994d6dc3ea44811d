"""From the ends of edges to the endpoints behind them, in groups that policies tell apart."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from pipeline.flows import cidr
from pipeline.flows.cidr import Network
from pipeline.kube.subnets import MACHINES, PODS, SERVICES, Label
from policy.ends import End
from policy.judge.groups import Groups
from policy.objects import Cluster
from policy.outside import outside
from policy.parts import Endpoint, Pod, Reference, Service, ServicePort

TEMPLATE = "its template"
"""The name of the pods that a workload without pods would have."""


SOMEBODY = "somebody outside"
"""The name of an endpoint of which nothing is known."""


class Place(NamedTuple):
    """Endpoints of one group behind an end: `size` of them, `name` is the first one's.

    It is a pod, an address, or TEMPLATE. They are reached at `port`, or where it is None at the
    port asked for.
    """

    group: int
    port: int | None
    name: str
    size: int = 1

    @property
    def alone(self) -> str | None:
        """The name of the one endpoint, None where there are more or the number is not known."""
        return None if self.size > 1 or self.name in {TEMPLATE, SOMEBODY} else self.name


class UnknownEndError(Exception):
    """It is not known what is behind an end; the message says why.

    `is_outside`: whatever it is, no policy is for it.
    """

    def __init__(self, message: str, *, is_outside: bool = False) -> None:
        super().__init__(message)
        self.is_outside = is_outside


class Ends:
    """Finds endpoints by the objects of a cluster and the networks of subnet labels."""

    def __init__(self, cluster: Cluster, labels: Iterable[Label], groups: Groups) -> None:
        self._cluster = cluster
        self._groups = groups
        self._found: dict[End, list[Place]] = {}
        pods = (cidr.network(text) for node in cluster.nodes.values() for text in node.pod_cidrs)
        listed = list(labels)
        self._networks = outside(listed, filter(None, pods), cluster.pods.by_address)
        self._of_label: dict[str, list[Network]] = defaultdict(list)
        for label in listed:
            self._of_label[label.name] += filter(None, map(cidr.network, label.cidrs))
        self._services = {
            ip: one.reference for one in cluster.services.values() for ip in one.addresses
        }

    def places(self, end: End, protocol: str = "", port: int | None = None) -> list[Place]:
        """The endpoints behind an end; a Service is reached at the ports of its pods.

        Raises UnknownEndError.
        """
        address = cidr.canonical(end.address)
        if end.kind == "Service":
            return self._of_service(Reference(*end[:3]), protocol, port)
        if not end.kind and address in self._services:
            return self._of_service(self._services[address], protocol, port)
        if end.address:  # there may be millions
            return list(_placed(self._endpoints_of(end), None))
        if end not in self._found:
            self._found[end] = list(_placed(self._endpoints_of(end), None))
        return self._found[end]

    def _endpoints_of(self, end: End) -> list[tuple[int, str]]:
        if not end.kind:
            return self._outside(end)
        if end.kind == "Node" and (place := cidr.address(end.address)):
            return [(self._groups.of_address(place, on_host=True), str(place))]
        if end.kind == "Node":
            node = self._cluster.nodes.get(end.workload)
            known = node.addresses if node else ()
            groups = self._groups.of_node(list(self._labelled(known, end.label)) or known)
            return [(group, end.workload) for group in groups]
        pods = self._cluster.pods_of(Reference(*end[:3]))
        if not pods:
            raise UnknownEndError(f"{end}: no pod of it is known")
        return self._of_pods(pods)

    def _labelled(self, addresses: Iterable[str], label: str) -> Iterator[str]:
        """The addresses within the networks of a label: a node has some in several networks."""
        networks = self._of_label.get(label, [])
        for text in addresses:
            place = cidr.address(text)
            if place and any(place in net for net in networks):
                yield text

    def _of_pods(self, pods: Iterable[Pod]) -> list[tuple[int, str]]:
        return [(group, pod.name or TEMPLATE) for pod in pods for group in self._groups.of_pod(pod)]

    def _outside(self, end: End) -> list[tuple[int, str]]:
        place = cidr.address(end.address)
        if end.label in {PODS, SERVICES} and not (place and self._is_known(str(place))):
            raise UnknownEndError(f"{end}: it is not among the objects")
        if place:
            return [(self._groups.of_address(place), str(place))]
        net = cidr.network(end.address)
        networks = [net] if net else self._networks.get(end.label, [])
        if not networks:
            why = f"the networks of label {end.label} are not known" if end.label else "no address"
            raise UnknownEndError(f"{end}: {why}", is_outside=True)
        on_host = end.label == MACHINES
        return [
            found for net in networks for found in self._groups.of_network(net, on_host=on_host)
        ]

    def _is_known(self, address: str) -> bool:
        known = (self._cluster.pods.by_address, self._cluster.host_addresses)
        return any(address in addresses for addresses in known)

    def _of_service(self, reference: Reference, protocol: str, port: int | None) -> list[Place]:
        service = self._cluster.services.get(reference)
        if service is None:
            raise UnknownEndError(f"{reference}: not among the objects")
        if port is None:
            return list(_placed(self._of_pods(self._cluster.selected_by(service)), None))
        wanted = [one for one in service.ports if (one.protocol, one.number) == (protocol, port)]
        if not wanted:
            raise UnknownEndError(f"{reference}: it has no port {protocol} {port}")
        found = self._endpoints(reference, wanted[0]) or self._targets(service, wanted[0])
        if not found:
            raise UnknownEndError(f"{reference}: it has no endpoints")
        return found

    def _endpoints(self, reference: Reference, wanted: ServicePort) -> list[Place]:
        """What the EndpointSlices of a Service say."""
        found: list[Place] = []
        for one in self._cluster.slices_of(reference):
            ports = [
                port.number
                for port in one.ports
                if (port.name, port.protocol) == (wanted.name, wanted.protocol)
            ]
            at = [self._behind(endpoint) for endpoint in one.endpoints]
            for port in ports:
                found += _placed((each for group in at for each in group), port)
        return found

    def _behind(self, endpoint: Endpoint) -> list[tuple[int, str]]:
        pods = self._cluster.pods_of(endpoint.pod) if endpoint.pod else []
        if pods:
            return self._of_pods([pods[0]._replace(addresses=endpoint.addresses)])
        places = [place for ip in endpoint.addresses if (place := cidr.address(ip))]
        return [(self._groups.of_address(place), str(place)) for place in places]

    def _targets(self, service: Service, wanted: ServicePort) -> list[Place]:
        """Without EndpointSlices: the pods that a Service selects, at its target port."""
        by_port: dict[int, list[Pod]] = defaultdict(list)
        for pod in self._cluster.selected_by(service):
            if target := pod.target(wanted):
                by_port[target].append(pod)
        return [
            place for port, pods in by_port.items() for place in _placed(self._of_pods(pods), port)
        ]


def _placed(found: Iterable[tuple[int, str]], port: int | None) -> Iterator[Place]:
    """Pairs of group and name as places, each group once."""
    first: dict[int, str] = {}
    sizes = Counter[int]()
    for group, name in found:
        first.setdefault(group, name)
        sizes[group] += 1
    yield from (Place(group, port, name, sizes[group]) for group, name in first.items())
