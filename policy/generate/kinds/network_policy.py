"""NetworkPolicy (networking.k8s.io/v1), and Calico's staged one, which has the same spec."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from policy.generate.draft import Draft, Peer, PeerKind, Rule, plain
from policy.networkpolicy import Direction
from policy.objects import NAME_LABEL, Manifest

_SIDES = {Direction.INGRESS: ("ingress", "from"), Direction.EGRESS: ("egress", "to")}


def manifests(draft: Draft) -> Iterator[Manifest]:
    """The NetworkPolicy."""
    yield _manifest(draft, "networking.k8s.io/v1", "NetworkPolicy")


def staged(draft: Draft) -> Iterator[Manifest]:
    """The StagedKubernetesNetworkPolicy, which Calico only audits."""
    yield _manifest(draft, "projectcalico.org/v3", "StagedKubernetesNetworkPolicy")


def _manifest(draft: Draft, version: str, kind: str) -> Manifest:
    spec: Manifest = {
        "podSelector": plain(draft.selector),
        "policyTypes": [str(direction) for direction in draft.rules],
    }
    for direction, rules in draft.rules.items():
        side, peers = _SIDES[direction]
        if rules:  # an empty list and none mean the same, and the server keeps none
            spec[side] = [_rule(rule, peers, draft.namespace) for rule in rules]
    return {
        "apiVersion": version,
        "kind": kind,
        "metadata": {"name": draft.name, "namespace": draft.namespace},
        "spec": spec,
    }


def _rule(rule: Rule, side: str, namespace: str) -> Manifest:
    return {
        side: [one for peer in rule.peers for one in _peers(peer, namespace)],
        "ports": [{"protocol": port.protocol, "port": port.number} for port in rule.ports],
    }


def _peers(peer: Peer, namespace: str) -> Iterator[Manifest]:
    if peer.kind is not PeerKind.PODS:
        for block in peer.blocks:
            excluded: dict[str, Any] = {"except": list(block.exceptions)}
            yield {"ipBlock": {"cidr": block.cidr} | (excluded if block.exceptions else {})}
        return
    pods: Manifest = {"podSelector": plain(peer.selector)}
    if peer.namespace != namespace:
        pods["namespaceSelector"] = {"matchLabels": {NAME_LABEL: peer.namespace}}
    yield pods
