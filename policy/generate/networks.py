"""The addresses of a cluster and of its subnet labels, as blocks that a policy may allow.

No block covers an address of a pod: implementations differ in whether an `ipBlock` speaks of pods.
"""

from __future__ import annotations

import ipaddress
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import NamedTuple

import msgspec

from pipeline.diagnostics import Problem
from pipeline.flows import cidr
from pipeline.flows.cidr import Address, Network
from pipeline.flows.prefix_table import PrefixTable
from pipeline.kube import subnets
from pipeline.kube.api import objects
from pipeline.kube.api.objects import Object
from pipeline.kube.index import keys
from pipeline.kube.subnets import PODS, SERVICES, Label
from policy import shapes
from policy.generate.draft import HOSTNAME_LABEL, Block
from policy.objects import Manifest
from policy.outside import Listed, collapsed, is_inside, less


class Blocks(NamedTuple):
    """The blocks of a label, and what of its networks is left out, with the reason."""

    blocks: tuple[Block, ...]
    left_out: tuple[str, ...]


class Networks:
    """The addresses of pods, nodes, Services and the API server, and the networks of labels.

    Of labels whose networks overlap, the first one listed has an address.
    """

    def __init__(self, manifests: Iterable[Manifest], labels: Iterable[Label]) -> None:
        pods, services, found = _Sorted(), _Sorted(), list[Object]()
        self._api_server: dict[str, frozenset[int]] = {}
        self._nodes: dict[str, list[str]] = {}
        self._listed_addresses: set[str] = set()
        for manifest in manifests:
            one = objects.of(manifest)
            try:
                own = [ip for ip in _addresses(one) if cidr.address(ip)]
                endpoints = dict(_endpoints(manifest))
            except (msgspec.ValidationError, TypeError):  # a problem of the `Cluster` too
                continue
            if one.kind == "Pod":
                pods.add(own)
                continue
            self._api_server |= endpoints
            if subnets.matters(one):  # as objects, all others take a lot of memory
                found.append(one)
            if one.kind == "Service":
                services.add(own)
            elif one.kind == "Node":
                management = keys.management_addresses(one.metadata.annotations or {})
                self._nodes[one.metadata.name] = [*own, *management]
                self._listed_addresses |= {*own}
        problems: list[Problem] = []
        labels = list(labels)
        known = [*labels, *subnets.autodetected(found, problems)]
        self._hostnames = dict(_hostnames(found))
        self._pods, self._services = pods, services
        self._listed = Listed(labels)
        self._pod_networks = _named(PODS, known)
        taken = [ipaddress.ip_network(ip) for ip in self._api_server]
        self._service_networks = [net for net in _named(SERVICES, known) if net not in taken]
        self._cluster = PrefixTable(
            [(net, f"in the pod network {net}") for net in self._pod_networks]
            + [(net, f"in the Service network {net}") for net in self._service_networks]
        )
        self._found: dict[str, Blocks] = {}

    def of_node(self, name: str, label: str) -> list[str]:
        """The addresses of a node; those within `label` where it has some there."""
        known = self._nodes.get(name, [])
        within = [ip for ip in known if label and self.label(ipaddress.ip_address(ip)) == label]
        return within or known

    def hostname(self, name: str) -> str:
        """The value of a node's HOSTNAME_LABEL; "" where the objects do not have it."""
        return self._hostnames.get(name, "")

    def is_listed(self, address: str) -> bool:
        """Whether the status of a node has an address."""
        return address in self._listed_addresses

    def is_api_server(self, network: str, port: int) -> bool:
        """Whether an address (or a network of one) and a port are an endpoint of the API."""
        address, _, length = network.partition("/")
        return length in {"", "32", "128"} and port in self._api_server.get(address, ())

    def inside(self, address: Address) -> str:
        """Why a policy must not name an address; "" when it may."""
        if self._pods.between(address, address):
            return "that of a pod"
        if self._services.between(address, address):
            return "that of a Service"
        hit = self._cluster.longest(address)
        return hit[1] if hit else ""

    def label(self, address: Address) -> str:
        """The subnet label of an address; "" for none."""
        hit = self._listed.first.first(address)
        return hit[1] if hit else ""

    def of_label(self, name: str) -> Blocks:
        """The blocks of the addresses that have a label."""
        if name not in self._found:
            self._found[name] = self._of_label(name)
        return self._found[name]

    def _of_label(self, name: str) -> Blocks:
        blocks, left_out = list[Block](), list[str]()
        for order, (net, owner) in enumerate(self._listed.networks):
            if owner != name:
                continue
            if reason := self._hidden(net, name):
                left_out.append(f"{net}, {reason}")
                continue
            exceptions = self._exceptions(order, net)
            if net in exceptions:
                left_out.append(f"{net}, in labels that come first")
            else:
                blocks.append(Block(str(net), tuple(map(str, exceptions))))
        return Blocks(tuple(dict.fromkeys(blocks)), tuple(dict.fromkeys(left_out)))

    def _hidden(self, net: Network, name: str) -> str:
        """Why no address of a network can be named by this label."""
        first = self._listed.first.first_around(net)
        if first and first[1] != name:
            return f"in the label {first[1]}, which comes first"
        cluster = self._cluster.first_around(net)
        return cluster[1] if cluster else ""

    def _exceptions(self, order: int, net: Network) -> list[Network]:
        inner = self._pod_networks + self._service_networks
        within = self._listed.earlier(order) + [one for one in inner if is_inside(one, net)]
        within += [
            ipaddress.ip_network(ip)
            for ip in self._pods.between(net[0], net[-1])
            if not any(ip in other for other in within)
        ]
        return list(collapsed(within))


class _Sorted:
    """Addresses in order, to find those of a network."""

    def __init__(self) -> None:
        self._four, self._six = array("I"), list[int]()
        """As numbers: they take a tenth of the memory of addresses."""

    def add(self, addresses: Iterable[str]) -> None:
        """Before any is looked for."""
        for one in map(ipaddress.ip_address, addresses):
            (self._four if one.version == 4 else self._six).append(int(one))

    @cached_property
    def _in_order(self) -> dict[int, Sequence[int]]:
        return {4: array("I", sorted({*self._four})), 6: sorted({*self._six})}

    def between(self, first: Address, last: Address) -> list[Address]:
        """The addresses from `first` to `last`, which are of one version."""
        known = self._in_order[first.version]
        start = bisect_left(known, int(first))
        return [type(first)(one) for one in known[start : bisect_right(known, int(last))]]


def _named(name: str, labels: Iterable[Label]) -> list[Network]:
    return list(dict.fromkeys(net for net, owner in subnets.listed(labels) if owner == name))


def _hostnames(found: Iterable[Object]) -> Iterator[tuple[str, str]]:
    for one in found:
        if one.kind == "Node" and (value := (one.metadata.labels or {}).get(HOSTNAME_LABEL)):
            yield one.metadata.name, value


def _addresses(one: Object) -> Iterable[str]:
    """Those of a pod, a node or a Service. Raises msgspec.ValidationError for another shape."""
    match one.kind:
        case "Pod":
            spec = objects.part(one.spec, objects.Spec)
            return keys.pod_addresses(spec, objects.part(one.status, objects.Status))
        case "Node":
            return keys.node_addresses(objects.part(one.status, objects.Status))
        case "Service":
            return keys.service_addresses(objects.part(one.spec, objects.Spec))
        case _:
            return ()


def _endpoints(one: Manifest) -> Iterator[tuple[str, frozenset[int]]]:
    """The addresses of the Service default/kubernetes, and their ports."""
    meta = one["metadata"]
    service = (meta.get("labels") or {}).get(objects.SERVICE_NAME)
    if one.get("kind") != "EndpointSlice" or service != "kubernetes":
        return
    if meta.get("namespace", "default") == "default":
        named = msgspec.convert(one.get("ports") or [], list[shapes.EndpointPort])
        ports = frozenset(each.port for each in named if each.port)
        for endpoint in msgspec.convert(one.get("endpoints") or [], list[shapes.Endpoint]):
            found = filter(cidr.address, endpoint.addresses)
            yield from ((cidr.canonical(ip), ports) for ip in found)


def host(address: str) -> str:
    """The network of a single address.

    >>> host("10.0.0.1"), host("fd00::1")
    ('10.0.0.1/32', 'fd00::1/128')
    """
    return str(ipaddress.ip_network(address))


def without(block: Block) -> list[str]:
    """The networks that are a block's network less its exceptions, in order."""
    holes = map(ipaddress.ip_network, block.exceptions)
    return [str(net) for net in less(ipaddress.ip_network(block.cidr), holes)]
