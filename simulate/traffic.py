"""Connections between workloads, and what the agents of their nodes report of them."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import polars as pl

from simulate.cluster import Peer
from simulate.scenario import EPHEMERAL, EPHEMERAL_PORTS, FLOW

_AGENT_WINDOW_MS = 15_000
_TCP, _UDP, _SCTP, _ICMP = 6, 17, 132, 1
_ECHO, _ECHO_REPLY = 8, 0
Flags = tuple[int | None, int | None]


class Style(NamedTuple):
    """How a connection looks to the agent: flags each way in its first and its later windows.

    `answered`: whether anything comes back. `packets`: how many go each way, if not any number.
    """

    opening: Flags
    later: Flags | None = None
    proto: int = _TCP
    answered: bool = True
    packets: int = 0


SHORT = Style((2 | 16 | 512, 256 | 16 | 512))
LASTING = Style((2 | 16, 256 | 16), (16, 16))
OLD = Style((16, 16), (16, 16))
REFUSED = Style((2, 1024))
NO_FLAGS = Style((0, 0))
UNANSWERED = Style((2, None), answered=False, packets=3)
DATAGRAM = Style((None, None), proto=_UDP)
ASKING = Style((None, None), proto=_UDP, answered=False, packets=2)
LOGGING = Style((None, None), (None, None), proto=_UDP, answered=False, packets=20)
ASSOCIATION = Style((None, None), (None, None), proto=_SCTP)
ECHO = Style((None, None), proto=_ICMP)
RAW_BITS = Style((2 | 16 | 8 | 1, 2 | 16))
"""Flags as bits of the header, not as the agent sets them: a reply's read SYN and ACK."""


class Link(NamedTuple):
    """Connections from each client to a server, `every` so many seconds or (0) once, early on.

    A client dials the Service (service_port) and reaches an endpoint (port): both are reported.
    `turns`: to the next server each time; otherwise each client keeps to one. `mesh`: to all.
    `first`: the second of the first one of `every`, where it is not at random.
    """

    client: str
    server: str
    port: int
    service: str = ""
    service_port: int = 0
    every: float = 0
    style: Style = SHORT
    turns: bool = True
    mesh: bool = False
    first: float | None = None


class Connection(NamedTuple):
    """One connection: peers (`server` None: only its Service is seen) and its start in ms."""

    client: int
    server: int | None
    at: int


@dataclass(frozen=True)
class Traffic:
    """Where links begin and end: `places` has the peers of every name, `window` is in ms."""

    peers: Sequence[Peer]
    places: Mapping[str, Sequence[int]]
    window: int
    rng: random.Random
    client_ports: tuple[int, int] = (EPHEMERAL, EPHEMERAL_PORTS)
    """The first one, and how many there are."""

    def flows(
        self, links: Sequence[Link], told: list[tuple[Link, Connection]] | None = None
    ) -> pl.DataFrame:
        """The flows (schema FLOW) of one window, times from 0, in the order of their ends.

        `told` gets the connections.
        """
        rows: list[tuple[int | None, ...]] = []
        for link in links:
            for connection in self._connections(link):
                rows += self._reported(link, connection)
                if told is not None:
                    told.append((link, connection))
        frame = pl.DataFrame(rows, schema=FLOW, orient="row")
        return frame.sort("TimeFlowEndMs", maintain_order=True)

    def _connections(self, link: Link) -> Iterator[Connection]:
        servers = [*self.places[link.server]] if link.server else [None]
        for number, client in enumerate(self.places[link.client]):
            if link.mesh or not link.every:
                chosen = servers if link.mesh else [servers[number % len(servers)]]
                at = 0 if link.style is OLD else self.rng.randrange(2_000, 45_000)
                yield from (Connection(client, server, at) for server in chosen)
                continue
            step = round(link.every * 1000)
            first = self.rng.randrange(step - 1000) if link.first is None else link.first * 1000
            starts = range(round(first), self.window - 1000, step)
            for turn, at in enumerate(starts):
                turned = number + turn * link.turns
                yield Connection(client, servers[turned % len(servers)], at)

    def _reported(self, link: Link, connection: Connection) -> Iterator[tuple[int | None, ...]]:
        """Rows of FLOW: both ways, by each agent that saw it, for the Service and the endpoint.

        A reply begins a millisecond later.
        """
        client, style = connection.client, link.style
        low, number = self.client_ports
        port = self.rng.randrange(low, low + number)
        icmp: tuple[int | None, int | None] = (None, None)
        if style.proto == _ICMP:
            port, icmp = 0, (_ECHO, _ECHO_REPLY)
        weight = self.rng.randrange(1, 40)
        sizes = ((482 + 64 * weight, 5 + weight), (511 + 640 * weight, 6 + weight))
        if style.packets:
            sizes = ((60 * style.packets, style.packets),) * 2
        views = list(self._views(link, connection))
        for first, last, (forth, back) in self._windows(style, connection.at):
            for (peer, server_port), reporter in views:
                there = (client, peer, reporter, port, server_port, style.proto, forth, icmp[0])
                yield (*there, *sizes[0], first, last)
                if style.answered:
                    again = (peer, client, reporter, server_port, port, style.proto, back, icmp[1])
                    yield (*again, *sizes[1], min(first + 1, last), last)

    def _views(self, link: Link, connection: Connection) -> Iterator[tuple[tuple[int, int], int]]:
        """The server as it is seen (peer and port), and by whose node.

        Two pods on two nodes are seen from both, all else from the client's node only; a client
        outside has none.
        """
        client, server = connection.client, connection.server
        here = self.peers[client].host
        if link.service and here >= 0:
            yield (self.places[f"service:{link.service}"][0], link.service_port), client
        if server is not None:
            if here >= 0:
                yield (server, link.port), client
            there = self.peers[server]
            if there.host >= 0 and there.host != here and (here < 0 or there.label == "Pods"):
                yield (server, link.port), server

    def _windows(self, style: Style, at: int) -> Iterator[tuple[int, int, Flags]]:
        """Start, end (ms) and flags of every window of the agent's cache."""
        if style.later is None:
            yield at, at + self.rng.randrange(2, 400), style.opening
            return
        for first in range(at, self.window, _AGENT_WINDOW_MS):
            last = min(first + _AGENT_WINDOW_MS, self.window) - 1
            yield first, last, style.later if first > at else style.opening


def repeat(block: pl.DataFrame, flows: int, window: int, start: int) -> Iterator[pl.DataFrame]:
    """The block every `window` ms from `start`, client ports moved on each time.

    What is more than `flows` is cut from the beginning of the first one.
    """
    blocks = -(-flows // block.height)
    cut = blocks * block.height - flows
    for number in range(blocks):
        ports = [_moved(end, number * 7919) for end in ("SrcPort", "DstPort")]
        times = pl.col("TimeFlowStartMs", "TimeFlowEndMs") + start + number * window
        yield block.slice(cut if number == 0 else 0).with_columns(*ports, times)


def _moved(port: str, by: int) -> pl.Expr:
    number = pl.col(port).cast(pl.Int64)
    moved = (number - EPHEMERAL + by) % EPHEMERAL_PORTS + EPHEMERAL
    return pl.when(number < EPHEMERAL).then(number).otherwise(moved).cast(pl.UInt16).alias(port)
