"""Policies as tables over groups of endpoints, ready to be joined with questions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import polars as pl

from pipeline.flows import cidr
from policy.judge.groups import Group
from policy.networkpolicy import Direction, IpBlock, NetworkPolicy, Peer, Port, Rule
from policy.objects import Cluster
from policy.selectors import LabelIndex, LabelSelector

_LAST_PORT = 65535


class Compiled(NamedTuple):
    """The policies of one direction.

    `isolating`: own (group), policy: which policies isolate the pods of a group.
    `rules`: policy, rule, any_peer, any_port.
    `peers`: rule, peer (group).
    `ports`: rule, protocol, first, last: by number, and
    `named`: rule, server (group), protocol, port: by name, as the server's pods have it.
    Groups, policies and rules are numbers (UInt32).
    """

    isolating: pl.DataFrame
    rules: pl.DataFrame
    peers: pl.DataFrame
    ports: pl.DataFrame
    named: pl.DataFrame


class Tables(NamedTuple):
    """All policies: the tables of both directions, and what numbers mean.

    `rules`: the number of a policy, and a rule of one peer and one port (policies that name several
    are taken apart).
    """

    by_direction: Mapping[Direction, Compiled]
    policies: Sequence[NetworkPolicy]
    rules: Sequence[tuple[int, Rule]]


class Matcher:
    """Finds the groups that a policy's selectors and ipBlocks match."""

    def __init__(self, groups: Sequence[Group], cluster: Cluster) -> None:
        self._labels = LabelIndex(dict(group.labels) for group in groups)
        self._by_namespace: dict[str, set[int]] = defaultdict(set)
        self._by_network: dict[cidr.Network, set[int]] = defaultdict(set)
        self._pods: set[int] = set()
        for number, group in enumerate(groups):
            if group.namespace:
                self._by_namespace[group.namespace].add(number)
            if group.is_pod:
                self._pods.add(number)
            for net in group.networks:
                self._by_network[net].add(number)
        self._namespaces = list(self._by_namespace)
        self._namespace_labels = LabelIndex(map(cluster.labels_of_namespace, self._namespaces))

    def selected(self, policy: NetworkPolicy) -> set[int]:
        """The groups of pods that a policy is for, those on the host network included."""
        return self._labels.matching(policy.selector) & self._by_namespace[policy.namespace]

    def peers(self, peer: Peer, namespace: str) -> set[int]:
        """The groups that a peer matches; pods on the host network by their addresses only."""
        if peer.ip_block:
            return self._block(peer.ip_block)
        there = (
            set().union(
                *(
                    self._by_namespace[self._namespaces[number]]
                    for number in self._namespace_labels.matching(peer.namespace_selector)
                )
            )
            if peer.namespace_selector is not None
            else self._by_namespace[namespace]
        )
        return self._labels.matching(peer.pod_selector or LabelSelector()) & there & self._pods

    def _block(self, block: IpBlock) -> set[int]:
        found = set(self._within(block.cidr))
        for text in block.excepts or ():
            found -= self._within(text)
        return found

    def _within(self, text: str) -> set[int]:
        net = cidr.network(text)
        return self._by_network.get(net, set()) if net else set()


def compile_policies(
    policies: Sequence[NetworkPolicy], groups: Sequence[Group], cluster: Cluster
) -> Tables:
    """The tables of policies over groups (made for the same policies)."""
    matcher = Matcher(groups, cluster)
    named = _ports_by_name(groups)
    rules = [
        (number, atom)
        for number, policy in enumerate(policies)
        for rule in policy.rules
        for atom in rule.atoms()
    ]
    tables = {direction: _of(direction, policies, rules, matcher, named) for direction in Direction}
    return Tables(tables, policies, rules)


def _of(
    direction: Direction,
    policies: Sequence[NetworkPolicy],
    rules: Sequence[tuple[int, Rule]],
    matcher: Matcher,
    named: Mapping[str, list[tuple[int, str, int]]],
) -> Compiled:
    about = [number for number, policy in enumerate(policies) if direction in policy.directions]
    own = [
        (number, policy, rule)
        for number, (policy, rule) in enumerate(rules)
        if rule.direction is direction and direction in policies[policy].directions
    ]
    return Compiled(
        _frame(
            ((group, number) for number in about for group in matcher.selected(policies[number])),
            own=pl.UInt32,
            policy=pl.UInt32,
        ),
        _frame(
            ((policy, number, not rule.peers, not rule.ports) for number, policy, rule in own),
            policy=pl.UInt32,
            rule=pl.UInt32,
            any_peer=pl.Boolean,
            any_port=pl.Boolean,
        ),
        _frame(
            (
                (number, group)
                for number, policy, rule in own
                for group in _peers(rule, policies[policy].namespace, matcher)
            ),
            rule=pl.UInt32,
            peer=pl.UInt32,
        ),
        _frame(
            ((number, *span) for number, _, rule in own for span in _spans(rule.ports)),
            rule=pl.UInt32,
            protocol=pl.String,
            first=pl.Int32,
            last=pl.Int32,
        ),
        _frame(
            ((number, *one) for number, _, rule in own for one in _named(rule.ports, named)),
            rule=pl.UInt32,
            server=pl.UInt32,
            protocol=pl.String,
            port=pl.Int32,
        ),
    )


def _peers(rule: Rule, namespace: str, matcher: Matcher) -> set[int]:
    return set[int]().union(*(matcher.peers(peer, namespace) for peer in rule.peers))


def _spans(ports: Iterable[Port]) -> Iterator[tuple[str, int, int]]:
    """Protocol, first and last number of the ports that are not names."""
    for one in ports:
        if not isinstance(one.port, str):
            first = one.port or 0
            last = one.end_port or one.port or _LAST_PORT
            yield str(one.protocol or "TCP"), first, last


def _named(
    ports: Iterable[Port], named: Mapping[str, list[tuple[int, str, int]]]
) -> Iterator[tuple[int, str, int]]:
    for one in ports:
        if isinstance(one.port, str):
            protocol = str(one.protocol or "TCP")
            yield from (found for found in named.get(one.port, ()) if found[1] == protocol)


def _ports_by_name(groups: Iterable[Group]) -> dict[str, list[tuple[int, str, int]]]:
    """Group, protocol and number of each port that containers name."""
    found: dict[str, list[tuple[int, str, int]]] = defaultdict(list)
    for number, group in enumerate(groups):
        for port in group.ports:
            found[port.name].append((number, port.protocol, port.number))
    return found


def _frame(rows: Iterable[tuple[object, ...]], **schema: type[pl.DataType]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=schema, orient="row").unique()
