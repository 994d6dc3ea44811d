"""A policy before it is written as an object of some kind."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Any, NamedTuple

import msgspec

from policy.networkpolicy import Direction
from policy.parts import Reference
from policy.selectors import LabelSelector

HOSTNAME_LABEL = "kubernetes.io/hostname"
"""The label by which a node is selected."""


class PeerKind(IntEnum):
    """How a rule names a peer."""

    PODS = 0
    NODE = 1
    NETWORK = 2


class Block(NamedTuple):
    """A network without some networks in it, in CIDR notation."""

    cidr: str
    exceptions: tuple[str, ...] = ()


class Peer(NamedTuple):
    """An end that a rule can name. PODS have a selector, the others addresses (`blocks`).

    `is_api_server`: a node, or an address, that is an endpoint of the Kubernetes API, reached at
    its port. `wider` says what the peer covers beyond the end that was seen. Of a NODE, `nodes` are
    the values of its HOSTNAME_LABEL where the objects have them, and `unlisted` those of `blocks`
    whose address is not in the status of the node. Of a NETWORK, `label` is its subnet label.
    """

    kind: PeerKind
    name: str
    namespace: str = ""
    selector: LabelSelector = LabelSelector()
    blocks: tuple[Block, ...] = ()
    is_api_server: bool = False
    wider: tuple[str, ...] = ()
    nodes: tuple[str, ...] = ()
    unlisted: tuple[Block, ...] = ()
    label: str = ""

    @property
    def key(self) -> tuple[Any, ...]:
        """What peers differ in; peers sort by it."""
        return self.kind, self.namespace, self.name, self.is_api_server, self.blocks


class Port(NamedTuple):
    """A protocol of policies (TCP, UDP, SCTP) and a port."""

    protocol: str
    number: int


class Rule(NamedTuple):
    """Every one of the peers at every one of the ports.

    `edges` says for which edges it is, `is_declared` that none of them was seen.
    """

    peers: tuple[Peer, ...]
    ports: tuple[Port, ...]
    edges: tuple[str, ...]
    is_declared: bool = False


class Draft(NamedTuple):
    """The policy of a workload (None: of all pods of the namespace).

    A direction without rules is denied, one that is not in `rules` is left open.
    """

    namespace: str
    name: str
    workload: Reference | None
    selector: LabelSelector
    rules: Mapping[Direction, tuple[Rule, ...]]


def plain(selector: LabelSelector) -> dict[str, Any]:
    """A selector as the API has it, without empty parts."""
    found = msgspec.json.decode(msgspec.json.encode(selector))
    kept = {name: part for name, part in found.items() if part}
    for one in kept.get("matchExpressions", ()):
        if not one["values"]:
            del one["values"]
    return kept
