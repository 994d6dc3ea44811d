"""Edges by hand: what the tests of policies and matrices begin with."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import polars as pl

from matrix.edges import EDGES, Evidence, State

FIRST, LAST = 1_761_645_600.0, 1_761_645_900.0
_NOTHING: dict[str, Any] = {
    name: [] if dtype == pl.List(pl.String()) else 0 for name, dtype in EDGES.items()
}


class End(NamedTuple):
    """One end of an edge; without kind it is outside."""

    kind: str = ""
    namespace: str = ""
    workload: str = ""
    label: str = ""
    address: str = ""


def workload(text: str, label: str = "") -> End:
    """The end of a text such as "Deployment shop/web" or "Node worker-1"."""
    kind, _, name = text.partition(" ")
    namespace, _, bare = name.rpartition("/")
    return End(kind, namespace, bare, label)


def edge(client: End, server: End, at: str, **given: Any) -> dict[str, Any]:
    """A row of the frame; `at` is protocol and port ("TCP 443", "ICMP").

    What is not given: it is established, by one flow of 5 minutes.
    """
    protocol, _, port = at.partition(" ")
    ends = {
        f"{side}_{name}": value
        for side, end in (("client", client), ("server", server))
        for name, value in end._asdict().items()
    }
    return {
        **_NOTHING,
        "flows": 1,
        "evidence": Evidence.SYN,
        "state": State.ESTABLISHED,
        "first_seen": FIRST,
        "last_seen": LAST,
        **ends,
        "protocol": protocol,
        "port": int(port) if port else None,
        **given,
    }


def frame(rows: Iterable[dict[str, Any]]) -> pl.DataFrame:
    """The rows as a frame of edges."""
    return pl.DataFrame(list(rows), schema=EDGES)
