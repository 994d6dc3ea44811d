"""A made-up cluster: the peers that flows run between, and the Kubernetes objects behind them.

What a flow from or to a peer must be labelled with is written down here, as the cluster grows, so
the truth of a simulation owes nothing to the engine (docs/reference/scenario.md#cluster).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network
from typing import NamedTuple

import polars as pl

from simulate import objects
from simulate.objects import Manifest

MACHINES = (
    "Machines",
    ("10.0.0.0/16", "100.64.0.0/16", "100.88.0.0/16", "169.254.0.0/17"),
)
SERVICES = ("Services", ("172.30.0.0/16",))
NODE_PREFIX = 23
PODS_A_NODE = 500
SubnetLabel = tuple[str, tuple[str, ...]]


class Peer(NamedTuple):
    """One end of a flow and the labels it must get. `host` numbers its node, -1 without one."""

    addr: str
    namespace: str = ""
    workload: str = ""
    kind: str = ""
    label: str = ""
    host: int = -1
    interface: str = "br-ex"


@dataclass
class Cluster:
    """Nodes come first, two peers each; `network` holds a /23 of pod addresses for every node."""

    network: str = "10.128.0.0/14"
    peers: list[Peer] = field(default_factory=list)
    manifests: list[Manifest] = field(default_factory=list)
    _nodes: list[str] = field(default_factory=list)
    _used: list[int] = field(default_factory=list)
    _namespaces: set[str] = field(default_factory=set)

    @property
    def subnet_labels(self) -> list[SubnetLabel]:
        """The detected labels, in order (docs/reference/kubernetes.md#subnet-labels)."""
        return [MACHINES, ("Pods", (self.network,)), SERVICES]

    def frame(self) -> pl.DataFrame:
        """The peers as columns, with their MAC address and that of their node's agent."""
        frame = pl.DataFrame(self.peers, schema=list(Peer._fields), orient="row")
        hosts = pl.Series([self.peers[2 * host].addr for host in range(len(self._nodes))])
        return frame.with_columns(
            pl.Series("mac", [_mac(peer.addr) for peer in self.peers]),
            agent=hosts.gather(frame["host"].replace(-1, None)),
        )

    def node(self, name: str, address: str, zone: str) -> int:
        """A node: its InternalIP, then (the next peer) its OVN management address."""
        number = len(self._nodes)
        subnet = self._subnet(number)
        self._nodes.append(name)
        self._used.append(0)
        self.manifests.append(objects.node(name, address, str(subnet), zone))
        management = str(subnet.network_address + 2)
        self._add(Peer(address, "", name, "Node", "Machines", number))
        self._add(Peer(management, "", name, "Node", "Pods", number, "ovn-k8s-mp0"))
        return 2 * number

    def workload(
        self,
        kind: str,
        namespace: str,
        name: str,
        nodes: Sequence[int],
        ports: Sequence[objects.ContainerPort] = (),
        *,
        host_network: bool = False,
    ) -> list[int]:
        """A controller and one pod on each of `nodes` (numbers, repeats allowed); the pods.

        On the host network, these are the nodes. `ports`: what the containers declare.
        """
        self._namespace(namespace)
        made = objects.Workload(kind, namespace, name, len(nodes), tuple(ports))
        owner, *others = objects.controller(made, _suffix(name, 10))
        self.manifests += [owner, *others]
        parent = others[-1] if others else owner
        if host_network:
            return [self._guest(parent, host) for host in nodes]
        return [self._pod(kind, parent, number, host) for number, host in enumerate(nodes)]

    def service(self, service: objects.Service, endpoints: Sequence[int]) -> int:
        """A Service and the peers behind it."""
        self._namespace(service.namespace)
        self.manifests += objects.service(service, [self.peers[index].addr for index in endpoints])
        return self._add(
            Peer(service.address, service.namespace, service.name, "Service", "Services")
        )

    def external(self, address: str, label: str = "") -> int:
        """An address outside the cluster."""
        return self._add(Peer(address, label=label))

    def _pod(self, kind: str, parent: Manifest, number: int, host: int) -> int:
        address = str(self._subnet(host).network_address + 3 + self._used[host])
        self._used[host] += 1
        meta = parent["metadata"]
        namespace, app = meta["namespace"], meta["labels"]["app"]
        known = f"{meta['name']}/{number}"
        name = f"{meta['name']}-{number if kind == 'StatefulSet' else _suffix(known, 5)}"
        place = objects.Coordinates(self._nodes[host], self.peers[2 * host].addr, address)
        self.manifests.append(objects.pod(namespace, name, app, parent, place))
        interface = _suffix(f"{namespace}/{name}", 15)
        return self._add(Peer(address, namespace, app, kind, "Pods", host, interface))

    def _guest(self, parent: Manifest, host: int) -> int:
        """A pod on the network of its node."""
        meta, node = parent["metadata"], 2 * host
        place = objects.Coordinates(self._nodes[host], self.peers[node].addr, self.peers[node].addr)
        name, app = f"{meta['name']}-{_suffix(self._nodes[host], 5)}", meta["labels"]["app"]
        self.manifests.append(objects.pod(meta["namespace"], name, app, parent, place))
        return node

    def _namespace(self, name: str) -> None:
        if name not in self._namespaces:
            self._namespaces.add(name)
            self.manifests.append(objects.namespace(name))

    def _subnet(self, number: int) -> IPv4Network:
        base = IPv4Network(self.network).network_address
        return IPv4Network((int(base) + (number << 32 - NODE_PREFIX), NODE_PREFIX))

    def _add(self, peer: Peer) -> int:
        self.peers.append(peer)
        return len(self.peers) - 1


def _mac(address: str) -> str:
    """The MAC address OVN-Kubernetes derives from an IPv4 address."""
    return "0a:58:" + IPv4Address(address).packed.hex(":")


def _suffix(text: str, length: int) -> str:
    """Letters and digits of a generated name, always the same for the same text."""
    alphabet = "bcdfghjklmnpqrstvwxz2456789"
    digest = hashlib.blake2b(text.encode(), digest_size=length).digest()
    return "".join(alphabet[byte % len(alphabet)] for byte in digest)
