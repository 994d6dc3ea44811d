"""ClusterNetworkPolicy (policy.networking.k8s.io/v1alpha2), in its Baseline tier.

Source: https://network-policy-api.sigs.k8s.io/reference/spec/
It denies nothing by itself, so a policy becomes two sorts of objects: some accept the edges, and
one of a lower precedence denies the rest. In the Baseline tier, NetworkPolicies of the namespace
have precedence. The experimental channel of the API also selects nodes by their label and
names domains; otherwise both are networks. `ingress` has pods only: what comes from nodes and from
outside is neither accepted nor denied. A list has at most 25 items, so long ones are continued in
further rules and objects.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import NamedTuple, TypeVar

from policy.generate.draft import HOSTNAME_LABEL, Block, Draft, Peer, PeerKind, Port, Rule, plain
from policy.generate.networks import without
from policy.networkpolicy import Direction
from policy.objects import NAME_LABEL, Manifest
from policy.selectors import LabelSelector

_MOST = 25
_ACCEPT, _DENY = 100, 200
"""Priorities: a policy that also covers pods of another one must not deny what that one accepts."""
_EVERYWHERE = ("0.0.0.0/0", "::/0")
_SIDES = {Direction.INGRESS: ("ingress", "from"), Direction.EGRESS: ("egress", "to")}
_Item = TypeVar("_Item")


class Names(NamedTuple):
    """What is named rather than written as networks: nodes, and subnet labels by their domains."""

    nodes: bool = False
    domains: Mapping[str, Sequence[str]] = {}


_NONE = Names()


def manifests(draft: Draft, names: Names = _NONE) -> Iterator[Manifest]:
    """The ClusterNetworkPolicies that accept, then the one that denies."""
    accepting = {
        direction: list(_parts([one for rule in rules for one in _rules(rule, direction, names)]))
        for direction, rules in draft.rules.items()
    }
    for number, parts in enumerate(zip_longest(*accepting.values(), fillvalue=()), 1):
        spec = {
            _SIDES[direction][0]: list(part)
            for direction, part in zip(accepting, parts, strict=True)
            if part
        }
        yield _manifest(draft, f"allow-{number}", _ACCEPT, spec)
    denied = {_SIDES[direction][0]: [_denial(direction)] for direction in draft.rules}
    yield _manifest(draft, "deny", _DENY, denied)


def _manifest(draft: Draft, suffix: str, priority: int, rules: Manifest) -> Manifest:
    pods = _pods(draft.namespace, draft.selector)
    return {
        "apiVersion": "policy.networking.k8s.io/v1alpha2",
        "kind": "ClusterNetworkPolicy",
        "metadata": {"name": f"{draft.namespace}.{draft.name}.{suffix}"},
        "spec": {"tier": "Baseline", "priority": priority, "subject": pods, **rules},
    }


def _rules(rule: Rule, direction: Direction, names: Names) -> Iterator[Manifest]:
    """The rule, with as many items in its lists as are allowed."""
    side = _SIDES[direction][1]
    for peers in _parts(list(_peers(rule, direction, names))):
        for ports in _parts(rule.ports):
            protocols = [_protocol(port) for port in ports]
            yield {"action": "Accept", side: list(peers), "protocols": protocols}


def _peers(rule: Rule, direction: Direction, names: Names) -> Iterator[Manifest]:
    pods = (peer for peer in rule.peers if peer.kind is PeerKind.PODS)
    yield from (_pods(peer.namespace, peer.selector) for peer in pods)
    if direction is Direction.EGRESS:
        others = [peer for peer in rule.peers if peer.kind is not PeerKind.PODS]
        hosts = {name for peer in others for name in peer.nodes if names.nodes}
        yield from (_nodes(part) for part in _parts(sorted(hosts)))
        domains = {name for peer in others for name in names.domains.get(peer.label, ())}
        yield from ({"domainNames": list(part)} for part in _parts(sorted(domains)))
        blocks = [block for peer in others for block in _blocks(peer, names)]
        networks = [net for block in blocks for net in _networks(block)]
        yield from ({"networks": list(part)} for part in _parts(networks))


def _blocks(peer: Peer, names: Names) -> Sequence[Block]:
    """The addresses of a peer that nothing else names."""
    if peer.label in names.domains:
        return ()
    return peer.unlisted if names.nodes and peer.nodes else peer.blocks


def _networks(block: Block) -> list[str]:
    """The networks of a block; this kind has no exceptions."""
    return without(block) if block.exceptions else [block.cidr]


def _pods(namespace: str, selector: LabelSelector) -> Manifest:
    named = {"matchLabels": {NAME_LABEL: namespace}}
    return {"pods": {"namespaceSelector": named, "podSelector": plain(selector)}}


def _nodes(hostnames: Sequence[str]) -> Manifest:
    wanted = {"key": HOSTNAME_LABEL, "operator": "In", "values": list(hostnames)}
    return {"nodes": {"matchExpressions": [wanted]}}


def _denial(direction: Direction) -> Manifest:
    everything: list[Manifest] = [{"namespaces": {}}]
    if direction is Direction.EGRESS:
        everything.append({"networks": list(_EVERYWHERE)})
    return {"action": "Deny", _SIDES[direction][1]: everything}


def _protocol(port: Port) -> Manifest:
    return {port.protocol.lower(): {"destinationPort": {"number": port.number}}}


def _parts(items: Sequence[_Item]) -> Iterator[Sequence[_Item]]:
    for start in range(0, len(items), _MOST):
        yield items[start : start + _MOST]
