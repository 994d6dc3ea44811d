"""Groups of endpoints that no policy can tell apart.

An endpoint is an address of a pod, of a node, or outside. Policies see its namespace, the labels
that some selector asks for, the ports that some rule names, and the networks that contain it.
Thousands of pods are a few hundred groups, and each question is asked of groups.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from pipeline.flows import cidr
from pipeline.flows.cidr import Address, Network
from pipeline.flows.prefix_table import PrefixTable
from policy.networkpolicy import NetworkPolicy
from policy.objects import Cluster
from policy.parts import NamedPort, Pod

ANY_FAMILY = 0
"""Of an endpoint whose addresses are not known."""


class Group(NamedTuple):
    """What policies see of an endpoint. `networks`: those of ipBlocks that contain its address.

    `namespace` and `labels` are empty outside. `family` is 4, 6 or ANY_FAMILY. `on_host`: a node,
    or a pod on the host network.
    """

    namespace: str = ""
    labels: tuple[tuple[str, str], ...] = ()
    ports: tuple[NamedPort, ...] = ()
    networks: frozenset[Network] = frozenset()
    family: int = ANY_FAMILY
    on_host: bool = False

    @property
    def is_pod(self) -> bool:
        """Whether selectors can match it as far as all network plugins agree."""
        return bool(self.namespace) and not self.on_host


class Groups:
    """The groups that some policies make of a cluster's endpoints, numbered as they are found."""

    def __init__(self, policies: Iterable[NetworkPolicy], cluster: Cluster) -> None:
        self.all: list[Group] = []
        self._numbers: dict[Group, int] = {}
        self._cluster = cluster
        self._keys, self._names, networks = _seen_by(policies)
        self._table = PrefixTable((net, net) for net in networks)
        self._bounds = _bounds(networks)

    def of_pod(self, pod: Pod) -> list[int]:
        """One group for each address of a pod."""
        labels = tuple(sorted((k, v) for k, v in pod.labels.items() if k in self._keys))
        ports = tuple(sorted(port for port in pod.ports if port.name in self._names))
        seen = Group(pod.namespace, labels, ports, on_host=pod.on_host_network)
        places = [place for ip in pod.addresses if (place := cidr.address(ip))]
        return [self._number(self._at(seen, place)) for place in places] or [self._number(seen)]

    def of_node(self, addresses: Iterable[str]) -> list[int]:
        """One group for each address of a node, or one without address."""
        node = Group(on_host=True)
        places = [place for ip in addresses if (place := cidr.address(ip))]
        return [self._number(self._at(node, place)) for place in places] or [self._number(node)]

    def of_address(self, place: Address, *, on_host: bool = False) -> int:
        """The group of an address outside, of a node (known as one, or `on_host`) or of a pod."""
        text = str(place)
        if pod := self._cluster.pods.by_address.get(text):
            return self.of_pod(pod._replace(addresses=(text,)))[0]
        group = Group(on_host=on_host or text in self._cluster.host_addresses)
        return self._number(self._at(group, place))

    def of_network(self, net: Network, *, on_host: bool = False) -> list[tuple[int, str]]:
        """The groups inside a network (of nodes: `on_host`), each with an address of it.

        Each part that policies tell apart begins where the network, a network of a policy, or
        what follows one begins.
        """
        first, last = int(net.network_address), int(net.broadcast_address)
        inside = (start for start in self._bounds[net.version] if first < start <= last)
        make = type(net.network_address)
        found: dict[int, str] = {}
        for start in (first, *inside):
            place = make(start)
            found.setdefault(self.of_address(place, on_host=on_host), str(place))
        return list(found.items())

    def _at(self, group: Group, place: Address) -> Group:
        return group._replace(networks=self._table.all(place), family=place.version)

    def _number(self, group: Group) -> int:
        number = self._numbers.setdefault(group, len(self.all))
        if number == len(self.all):
            self.all.append(group)
        return number


def _seen_by(policies: Iterable[NetworkPolicy]) -> tuple[set[str], set[str], set[Network]]:
    """The keys of labels, the names of ports and the networks that policies speak of."""
    keys, names, texts = set[str](), set[str](), set[str]()
    for policy in policies:
        selectors = [policy.selector]
        for rule in policy.rules:
            names |= {port.port for port in rule.ports if isinstance(port.port, str)}
            for peer in rule.peers:
                selectors += [peer.pod_selector] if peer.pod_selector else []
                if peer.ip_block:
                    texts |= {peer.ip_block.cidr, *(peer.ip_block.excepts or ())}
        keys |= {one.key for selector in selectors for one in selector.requirements()}
    return keys, names, {net for text in texts if (net := cidr.network(text))}


def _bounds(networks: Iterable[Network]) -> dict[int, list[int]]:
    """Where networks begin, and what follows them begins, by version, in order."""
    found: dict[int, set[int]] = defaultdict(set)
    for net in networks:
        found[net.version] |= {int(net.network_address), int(net.broadcast_address) + 1}
    return {version: sorted(found[version]) for version in (4, 6)}
