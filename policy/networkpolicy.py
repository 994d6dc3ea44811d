"""NetworkPolicy v1: its shape, what the API server sets, and its rules.

Source: the API reference of networking.k8s.io/v1, with the defaults of Kubernetes 1.34
(pkg/apis/networking/v1/defaults.go).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Any, Literal, NamedTuple

import msgspec

from pipeline.diagnostics import Location
from pipeline.yaml import validate
from policy.selectors import LabelSelector

API_VERSION = "networking.k8s.io/v1"
KIND = "NetworkPolicy"
NOWHERE = Location("")


class Direction(StrEnum):
    """Of the connections that a policy is about, as its pods see them."""

    INGRESS = "Ingress"
    EGRESS = "Egress"


class Protocol(StrEnum):
    """The protocols that policies are about."""

    TCP = "TCP"
    UDP = "UDP"
    SCTP = "SCTP"


class IpBlock(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Addresses of a network, without those of some networks in it."""

    cidr: str
    excepts: tuple[str, ...] | None = msgspec.field(default=None, name="except")


class Peer(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """Pods by their labels and those of their namespace, or addresses."""

    pod_selector: LabelSelector | None = None
    namespace_selector: LabelSelector | None = None
    ip_block: IpBlock | None = None


class Port(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """A port by number or name, a range of ports, or all ports of a protocol."""

    protocol: Protocol | None = None
    port: int | str | None = None
    end_port: int | None = None


class Ingress(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A rule of `ingress`."""

    ports: tuple[Port, ...] | None = None
    peers: tuple[Peer, ...] | None = msgspec.field(default=None, name="from")


class Egress(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A rule of `egress`."""

    ports: tuple[Port, ...] | None = None
    peers: tuple[Peer, ...] | None = msgspec.field(default=None, name="to")


class Spec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """`spec`; without selector a policy is for all pods of its namespace."""

    pod_selector: LabelSelector | None = None
    ingress: tuple[Ingress, ...] | None = None
    egress: tuple[Egress, ...] | None = None
    policy_types: tuple[Direction, ...] | None = None


class Document(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """The object as a whole."""

    api_version: Literal["networking.k8s.io/v1"]
    kind: Literal["NetworkPolicy"]
    metadata: dict[str, Any]
    spec: Spec | None = None
    status: Any = None


class Rule(NamedTuple):
    """A rule of a policy: its place in the list of a direction; no peers are all, as no ports."""

    direction: Direction
    number: int
    peers: tuple[Peer, ...]
    ports: tuple[Port, ...]

    def __str__(self) -> str:
        return f"{self.direction.value.lower()}[{self.number}]"


class NetworkPolicy(NamedTuple):
    """A policy with what the API server sets; a port without protocol is TCP."""

    namespace: str
    name: str
    selector: LabelSelector
    directions: frozenset[Direction]
    rules: tuple[Rule, ...]
    place: Location = NOWHERE

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


def parse(data: dict[str, Any], place: Location = NOWHERE, namespace: str = "") -> NetworkPolicy:
    """The policy of plain data that has no problems; `namespace` is for one that names none."""
    document = validate.convert(data, Document)
    meta, spec = document.metadata, document.spec or Spec()
    return NetworkPolicy(
        meta.get("namespace") or namespace or "default",
        meta["name"],
        spec.pod_selector or LabelSelector(),
        _directions(spec),
        tuple(_rules(spec)),
        place,
    )


def parse_all(some: Iterable[dict[str, Any]]) -> list[NetworkPolicy]:
    """Policies as `parse` reads them: equal peers, of which there are thousands, are one object."""
    known: dict[bytes, Peer] = {}

    def shared(rule: Rule) -> Rule:
        peers = (known.setdefault(msgspec.json.encode(peer), peer) for peer in rule.peers)
        return rule._replace(peers=tuple(peers))

    return [one._replace(rules=tuple(map(shared, one.rules))) for one in map(parse, some)]


def _directions(spec: Spec) -> frozenset[Direction]:
    """Ingress, and Egress where there are such rules, unless `policyTypes` says otherwise."""
    if spec.policy_types:
        return frozenset(spec.policy_types)
    return frozenset([Direction.INGRESS, *([Direction.EGRESS] if spec.egress else [])])


def _rules(spec: Spec) -> Iterator[Rule]:
    """All rules, those of a direction that `policyTypes` leaves out too, as they are stored."""
    for direction, rules in given(spec):
        for number, rule in enumerate(rules):
            ports = (
                msgspec.structs.replace(port, protocol=port.protocol or Protocol.TCP)
                for port in rule.ports or ()
            )
            yield Rule(direction, number, rule.peers or (), tuple(ports))


def given(spec: Spec) -> list[tuple[Direction, tuple[Ingress | Egress, ...]]]:
    """The rules as they are written, by direction."""
    return [(Direction.INGRESS, spec.ingress or ()), (Direction.EGRESS, spec.egress or ())]
