"""CiliumNetworkPolicy (cilium.io/v2): nodes and the API server by their entities.

Source: https://docs.cilium.io/en/stable/security/policy/language/
A rule of Cilium has one sort of peer, so a rule becomes one for each sort. A port is a text.
"""

from __future__ import annotations

from collections.abc import Iterator

from policy.generate.draft import Draft, Peer, PeerKind, Rule, plain
from policy.networkpolicy import Direction
from policy.objects import Manifest
from policy.selectors import LabelSelector

_NAMESPACE = "k8s:io.kubernetes.pod.namespace"
_SIDES = {Direction.INGRESS: ("ingress", "from"), Direction.EGRESS: ("egress", "to")}
_NODES = ("host", "remote-node")
_API_SERVER = "kube-apiserver"


def manifests(draft: Draft) -> Iterator[Manifest]:
    """The CiliumNetworkPolicy."""
    spec: Manifest = {"endpointSelector": plain(draft.selector)}
    for direction, rules in draft.rules.items():
        name, side = _SIDES[direction]
        spec[name] = [one for rule in rules for one in _rules(rule, side, draft.namespace)]
        spec[name] = spec[name] or [{}]  # the rule that selects nothing: all is denied
    yield {
        "apiVersion": "cilium.io/v2",
        "kind": "CiliumNetworkPolicy",
        "metadata": {"name": draft.name, "namespace": draft.namespace},
        "spec": spec,
    }


def is_node(peer: Peer) -> bool:
    """Whether a peer is written as the entities of nodes."""
    return peer.kind is PeerKind.NODE and not peer.is_api_server


def _rules(rule: Rule, side: str, namespace: str) -> Iterator[Manifest]:
    """The rule, taken apart by the sort of its peers."""
    ports = [{"port": str(port.number), "protocol": port.protocol} for port in rule.ports]
    for name, peers in (
        ("Endpoints", [_endpoint(p, namespace) for p in rule.peers if p.kind is PeerKind.PODS]),
        ("Entities", list(_entities(rule))),
        ("CIDRSet", list(_networks(rule))),
    ):
        if peers:
            yield {f"{side}{name}": peers, "toPorts": [{"ports": ports}]}


def _endpoint(peer: Peer, namespace: str) -> Manifest:
    selector = peer.selector
    if peer.namespace != namespace:
        labels = {_NAMESPACE: peer.namespace, **(selector.match_labels or {})}
        selector = LabelSelector(labels, selector.match_expressions)
    return plain(selector)


def _entities(rule: Rule) -> Iterator[str]:
    if any(map(is_node, rule.peers)):
        yield from _NODES
    if any(peer.is_api_server for peer in rule.peers):
        yield _API_SERVER


def _networks(rule: Rule) -> Iterator[Manifest]:
    for peer in rule.peers:
        if peer.kind is PeerKind.NETWORK and not peer.is_api_server:
            for block in peer.blocks:
                excluded = {"except": list(block.exceptions)} if block.exceptions else {}
                yield {"cidr": block.cidr, **excluded}
