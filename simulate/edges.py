"""The true edges of connections: who opened them to whom, and what became of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import polars as pl

from simulate.cluster import Peer
from simulate.traffic import Connection, Link, Style

_PROTOCOLS = {1: "ICMP", 6: "TCP", 17: "UDP", 132: "SCTP"}
_SYN, _SYN_ACK, _RESET = 2, 256, 1024
_END = ("kind", "namespace", "workload", "label", "address")

KEY = (*(f"{side}_{part}" for side in ("client", "server") for part in _END), "protocol", "port")
_OUTCOME = pl.Schema(
    {
        "attempted": pl.Int64(),
        "accepted": pl.Int64(),
        "refused": pl.Int64(),
        "established": pl.Boolean(),
    }
)
_TEXTS = dict.fromkeys(KEY[:-1], pl.String())
TRUTH = pl.Schema({**_TEXTS, "port": pl.Int32(), **_OUTCOME, "services": pl.List(pl.String())})
"""A row for each client, server, protocol and the port at which the server is reached.

An end outside has a label or else an address, and no kind. Connections are counted by how they
opened, those of UDP and older ones are not. `services` are those that the clients have dialled
("NAMESPACE/NAME:PORT"), or the ports of nodes ("NODE:PORT").
"""

Targets = Mapping[str, tuple[Sequence[int], int]]
"""Services whose endpoints are not seen: the endpoints (peers) and their port."""


def true_edges(
    told: Iterable[tuple[Link, Connection]],
    peers: Sequence[Peer],
    places: Mapping[str, Sequence[int]],
    targets: Targets | None = None,
) -> pl.DataFrame:
    """The edges (TRUTH) of connections, sorted by KEY.

    Of the endpoints of `targets` the first has the connections, as nobody saw which one it was.
    """
    rows = [row for link, one in told for row in _rows(link, one, peers, places, targets or {})]
    frame = pl.DataFrame(
        rows,
        schema={**_TEXTS, "port": pl.Int32(), **_OUTCOME, "service": pl.String()},
        orient="row",
    )
    found = frame.group_by(KEY).agg(
        pl.col("attempted", "accepted", "refused").sum(),
        pl.col("established").any(),
        pl.col("service").drop_nulls().unique().sort().alias("services"),
    )
    return found.select(TRUTH.names()).sort(KEY)


def _rows(
    link: Link,
    one: Connection,
    peers: Sequence[Peer],
    places: Mapping[str, Sequence[int]],
    targets: Targets,
) -> Iterator[tuple[object, ...]]:
    client = peers[one.client]
    service = None
    if link.service and client.host >= 0:
        dialled = peers[places[f"service:{link.service}"][0]]
        service = f"{dialled.namespace}/{dialled.workload}:{link.service_port}".removeprefix("/")
    servers, port = ([one.server], link.port) if one.server is not None else targets[link.service]
    protocol = _PROTOCOLS[link.style.proto]
    ends = sorted({_end(peers[server]) for server in servers})
    for number, end in enumerate(ends):
        opened, accepted, refused, established = _outcome(link.style)
        counts = (opened, accepted, refused) if number == 0 else (0, 0, 0)
        place = (protocol, None if protocol == "ICMP" else port)
        yield (*_end(client), *end, *place, *counts, established, service)


def _end(peer: Peer) -> tuple[str, ...]:
    outside = not (peer.kind or peer.label)
    return peer.kind, peer.namespace, peer.workload, peer.label, peer.addr if outside else ""


def _outcome(style: Style) -> tuple[int, int, int, bool]:
    """Whether a connection was seen opening, accepted and refused (1 or 0), and established.

    The reply of raw header bits has a SYN. What is not answered is established when it goes on.
    """
    forth, back = (flags or 0 for flags in style.opening)
    opened = bool(forth & _SYN)
    accepted = opened and bool(back & (_SYN_ACK | _SYN))
    refused = back == _RESET
    going = style.answered or style.later is not None
    return opened, accepted, refused, accepted or (going and not opened)
