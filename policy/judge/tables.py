"""Policies as tables over groups of endpoints, ready to be joined with questions."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import product
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


class Part(NamedTuple):
    """A part of a rule, which is taken apart: one peer of it at one port of it.

    `policy` is the number of its policy. None is where the rule names no peer (anyone), or no port
    (any). All parts together mean what the rule does.
    """

    policy: int
    rule: Rule
    peer: Peer | None
    port: Port | None


class Tables(NamedTuple):
    """All policies: the tables of both directions, and what their numbers mean.

    The rules of the tables are numbers of `parts`.
    """

    by_direction: Mapping[Direction, Compiled]
    policies: Sequence[NetworkPolicy]
    parts: Sequence[Part]


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
    parts = list(taken_apart(policies))
    tables = {direction: _of(direction, policies, parts, matcher, named) for direction in Direction}
    return Tables(tables, policies, parts)


def taken_apart(policies: Iterable[NetworkPolicy]) -> Iterator[Part]:
    """The parts of all rules."""
    for number, policy in enumerate(policies):
        for rule in policy.rules:
            for peer, port in product(rule.peers or (None,), rule.ports or (None,)):
                yield Part(number, rule, peer, port)


def _of(
    direction: Direction,
    policies: Sequence[NetworkPolicy],
    parts: Sequence[Part],
    matcher: Matcher,
    named: Mapping[str, list[tuple[int, str, int]]],
) -> Compiled:
    about = [number for number, policy in enumerate(policies) if direction in policy.directions]
    numbers = [
        number
        for number, part in enumerate(parts)
        if part.rule.direction is direction and direction in policies[part.policy].directions
    ]

    def own() -> Iterator[tuple[int, Part]]:
        return ((number, parts[number]) for number in numbers)

    return Compiled(
        _pairs(
            ((group, number) for number in about for group in matcher.selected(policies[number])),
            *("own", "policy"),
        ),
        _frame(
            ((one.policy, number, one.peer is None, one.port is None) for number, one in own()),
            policy=pl.UInt32,
            rule=pl.UInt32,
            any_peer=pl.Boolean,
            any_port=pl.Boolean,
        ),
        _pairs(
            (
                (number, group)
                for number, one in own()
                if one.peer
                for group in matcher.peers(one.peer, policies[one.policy].namespace)
            ),
            *("rule", "peer"),
        ),
        _frame(
            ((number, *span) for number, one in own() for span in _span(one.port)),
            rule=pl.UInt32,
            protocol=pl.String,
            first=pl.Int32,
            last=pl.Int32,
        ),
        _frame(
            ((number, *found) for number, one in own() for found in _named(one.port, named)),
            rule=pl.UInt32,
            server=pl.UInt32,
            protocol=pl.String,
            port=pl.Int32,
        ),
    )


def _span(port: Port | None) -> Iterator[tuple[str, int, int]]:
    """Protocol, first and last number of a port that is not a name."""
    if port and not isinstance(port.port, str):
        first, last = port.port or 0, port.end_port or port.port or _LAST_PORT
        yield str(port.protocol or "TCP"), first, last


def _named(
    port: Port | None, named: Mapping[str, list[tuple[int, str, int]]]
) -> Iterator[tuple[int, str, int]]:
    if port and isinstance(port.port, str):
        protocol = str(port.protocol or "TCP")
        yield from (found for found in named.get(port.port, ()) if found[1] == protocol)


def _ports_by_name(groups: Iterable[Group]) -> dict[str, list[tuple[int, str, int]]]:
    """Group, protocol and number of each port that containers name."""
    found: dict[str, list[tuple[int, str, int]]] = defaultdict(list)
    for number, group in enumerate(groups):
        for port in group.ports:
            found[port.name].append((number, port.protocol, port.number))
    return found


def _pairs(rows: Iterable[tuple[int, int]], *names: str) -> pl.DataFrame:
    """Two columns of numbers (UInt32), of which there may be many."""
    columns = array("I"), array("I")
    for row in rows:
        for column, number in zip(columns, row, strict=True):
            column.append(number)
    schema = dict.fromkeys(names, pl.UInt32())
    return pl.DataFrame(dict(zip(names, columns, strict=True)), schema=schema).unique()


def _frame(rows: Iterable[tuple[object, ...]], **schema: type[pl.DataType]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=schema, orient="row").unique()
