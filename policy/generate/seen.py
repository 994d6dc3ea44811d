"""What was seen: the edges of namespaces, and the rules for those of one workload."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import polars as pl

from policy.ends import End
from policy.generate.draft import Peer, Port, Rule
from policy.generate.factoring import products

_END = ("kind", "namespace", "workload", "label", "address")


class Edge(NamedTuple):
    """An edge, as far as policies ask for it."""

    client: End
    server: End
    protocol: str
    port: int | None
    state: str
    services: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.client} -> {self.server} {self.way}"

    @property
    def way(self) -> str:
        """Protocol and port, and the Services through which it went."""
        at = f" {self.port}" if self.port is not None else ""
        via = f" (Service {', '.join(self.services)})" if self.services else ""
        return f"{self.protocol}{at}{via}"


def edges(frame: pl.DataFrame, namespaces: Iterable[str]) -> Iterator[Edge]:
    """The edges with an end in the namespaces (`frame` has the columns of `matrix.edges.EDGES`)."""
    wanted = list(namespaces)
    own = pl.col("client_namespace").is_in(wanted) | pl.col("server_namespace").is_in(wanted)
    columns = [f"{side}_{part}" for side in ("client", "server") for part in _END]
    chosen = frame.filter(own).select(
        *columns, "protocol", "port", "state", pl.col("services").list.sort()
    )
    known: dict[End, End] = {}  # thousands of edges have a few ends
    for row in chosen.unique().iter_rows():
        client, server = (known.setdefault(end, end) for end in (End(*row[:5]), End(*row[5:10])))
        protocol, port, state, services = row[10:]
        yield Edge(client, server, protocol, port, state, tuple(services or ()))


class Side:
    """The peers of a workload in one direction, and the ports that were used with each."""

    def __init__(self) -> None:
        self._edges: list[tuple[Peer, Port, str]] = []

    def add(self, peer: Peer, port: Port, edge: str) -> None:
        """Add an edge."""
        self._edges.append((peer, port, edge))

    def rules(self) -> list[Rule]:
        """Rules that allow exactly these edges, in a fixed order."""
        named: dict[Any, Peer] = {}
        edges: dict[tuple[Any, Port], set[str]] = defaultdict(set)
        for peer, port, text in self._edges:
            key = peer.key
            named[key] = peer
            edges[key, port].add(text)
        made = []
        for keys, ports in products(edges):
            texts = {text for key in keys for port in ports for text in edges[key, port]}
            peers = tuple(named[key] for key in sorted(keys))
            made.append(Rule(peers, tuple(sorted(ports)), tuple(_fullest(texts))))
        return sorted(made, key=lambda rule: (rule.edges, rule.ports))


def _fullest(texts: Iterable[str]) -> Iterator[str]:
    """The texts in order, without those that another one says with its Service."""
    listed = sorted(texts)
    for text, following in zip(listed, [*listed[1:], ""], strict=True):
        if not following.startswith(f"{text} (Service"):
            yield text
