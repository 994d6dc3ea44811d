"""The networks that subnet labels mean: addresses outside the cluster, each with one label."""

from __future__ import annotations

import ipaddress
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from pipeline.flows.cidr import Network
from pipeline.flows.prefix_table import PrefixTable
from pipeline.kube import subnets
from pipeline.kube.subnets import PODS, Label


class Sorted:
    """Networks in order of their addresses, to find those inside another one."""

    def __init__(self, networks: Iterable[Network]) -> None:
        self._places = sorted(
            (net.version, int(net.network_address), number, net)
            for number, net in enumerate(networks)
        )

    def inside(self, net: Network) -> list[tuple[int, Network]]:
        """The networks inside one, each with its number; not the network itself."""
        first, last = int(net.network_address), int(net.broadcast_address)
        start = bisect_left(self._places, (net.version, first))
        end = bisect_left(self._places, (net.version, last + 1))
        return [(n, one) for _, _, n, one in self._places[start:end] if is_inside(one, net)]


class Listed:
    """Networks of labels in their order, of which the first one around an address is meant."""

    def __init__(self, labels: Iterable[Label]) -> None:
        self.networks = list(subnets.listed(labels))
        self.first = PrefixTable(self.networks)
        self._sorted = Sorted(net for net, _ in self.networks)

    def earlier(self, order: int) -> list[Network]:
        """The networks inside the one at a place of the list that other labels before it have."""
        net, name = self.networks[order]
        return [
            one
            for number, one in self._sorted.inside(net)
            if number < order and self.networks[number][1] != name
        ]


def outside(
    labels: Iterable[Label], pod_networks: Iterable[Network], pods: Iterable[str]
) -> Mapping[str, list[Network]]:
    """By label, its networks without those of labels before it, and those of pods.

    `pods` are addresses. A label that has nothing but these (Pods itself) keeps them.
    """
    listed = Listed(labels)
    known = [*pod_networks, *(net for net, name in listed.networks if name == PODS)]
    around = PrefixTable((net, True) for net in known)
    strays = (ipaddress.ip_network(ip) for ip in pods)
    inner = Sorted([*known, *(one for one in strays if not around.first_around(one))])
    found: dict[str, list[Network]] = defaultdict(list)
    whole: dict[str, list[Network]] = defaultdict(list)
    for order, (net, name) in enumerate(listed.networks):
        whole[name].append(net)
        first = listed.first.first_around(net)
        if first and first[1] == name and not around.first_around(net):
            holes = [*listed.earlier(order), *(one for _, one in inner.inside(net))]
            found[name] += less(net, holes)
    return {name: found[name] or nets for name, nets in whole.items()}


def is_inside(inner: Network, outer: Network) -> bool:
    """Whether a network is a part of another one, and not all of it."""
    return (
        inner.version == outer.version
        and inner.prefixlen > outer.prefixlen
        and inner.network_address in outer
    )


def collapsed(nets: Iterable[Network]) -> Iterator[Network]:
    """The fewest networks that have the same addresses, in order."""
    listed = list(nets)
    four = [net for net in listed if isinstance(net, ipaddress.IPv4Network)]
    six = [net for net in listed if isinstance(net, ipaddress.IPv6Network)]
    yield from ipaddress.collapse_addresses(four)
    yield from ipaddress.collapse_addresses(six)


def less(net: Network, holes: Iterable[Network]) -> list[Network]:
    """The networks that are a network less some in it, in order.

    >>> less(cidr.network("10.0.0.0/30"), [cidr.network("10.0.0.0/31")])
    [IPv4Network('10.0.0.2/31')]
    """
    left = [net]
    for hole in collapsed(holes):
        left = [part for one in left for part in _excluded(one, hole)]
    return sorted(left, key=lambda one: int(one.network_address))


def _excluded(net: Network, hole: Network) -> Iterable[Network]:
    """A network less another one, which may be a part of it."""
    if net == hole:
        return []
    if is_inside(hole, net):
        if isinstance(net, ipaddress.IPv4Network) and isinstance(hole, ipaddress.IPv4Network):
            return net.address_exclude(hole)
        if isinstance(net, ipaddress.IPv6Network) and isinstance(hole, ipaddress.IPv6Network):
            return net.address_exclude(hole)
    return [net]
