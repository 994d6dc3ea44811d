"""Edges as tests write them: what matters, the rest empty."""

from __future__ import annotations

from typing import Any, NamedTuple

import polars as pl

from matrix.edges import EDGES


class End(NamedTuple):
    """One end of an edge; without kind it is outside."""

    kind: str = ""
    namespace: str = ""
    workload: str = ""
    label: str = ""
    address: str = ""


def end(text: str, kind: str = "Deployment") -> End:
    """An end: "namespace/workload", "node:NAME", "label:NAME", or an address."""
    head, mark, rest = text.partition(":") if text.startswith(("node:", "label:")) else ("", "", "")
    if head == "node":
        return End("Node", workload=rest)
    if mark:
        return End(label=rest)
    place, slash, workload = text.partition("/")
    return End(kind, place, workload) if slash else End(address=text)


def workload(text: str, label: str = "") -> End:
    """The end of a text such as "Deployment shop/web" or "Node worker-1"."""
    kind, _, name = text.partition(" ")
    namespace, _, bare = name.rpartition("/")
    return End(kind, namespace, bare, label)


def edge(
    client: str | End, server: str | End, at: int | str | None = 443, **more: object
) -> dict[str, Any]:
    """A row of EDGES: an established connection of 5 minutes, of 10 flows each way.

    `at` is a port of TCP, or protocol and port ("UDP 53", "ICMP").
    """
    protocol, _, port = at.partition(" ") if isinstance(at, str) else ("TCP", "", at)
    row: dict[str, Any] = {}
    for name, dtype in EDGES.items():
        row[name] = "" if dtype == pl.String else [] if dtype == pl.List else 0
    for side, one in (("client", client), ("server", server)):
        known = end(one) if isinstance(one, str) else one
        row |= {f"{side}_{part}": value for part, value in known._asdict().items()}
    row |= {"protocol": protocol, "port": None if port in {"", None} else int(port)}
    row |= {"state": "established", "evidence": "syn"}
    row |= {"flows": 10, "reply_flows": 10, "attempted": 1, "accepted": 1, "sampling": 1}
    return row | {"first_seen": 1_761_645_600.0, "last_seen": 1_761_645_899.0, **more}


def frame(*rows: dict[str, Any]) -> pl.DataFrame:
    """A frame of EDGES."""
    return pl.DataFrame(list(rows), schema=EDGES)
