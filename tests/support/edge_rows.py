"""Edges as tests write them: what matters, the rest empty."""

from __future__ import annotations

from typing import Any

import polars as pl

from matrix.edges import EDGES


def end(text: str, kind: str = "Deployment") -> dict[str, str]:
    """An end: "namespace/workload", "node:NAME", "label:NAME", or an address."""
    head, mark, rest = text.partition(":") if text.startswith(("node:", "label:")) else ("", "", "")
    if head == "node":
        return {"kind": "Node", "workload": rest}
    if mark:
        return {"label": rest}
    place, slash, workload = text.partition("/")
    if slash:
        return {"kind": kind, "namespace": place, "workload": workload}
    return {"address": text}


def edge(client: str, server: str, port: int | None = 443, **more: object) -> dict[str, Any]:
    """A row of EDGES: an established TCP connection, of 10 flows each way."""
    row: dict[str, Any] = {}
    for name, dtype in EDGES.items():
        row[name] = "" if dtype == pl.String else [] if dtype == pl.List else 0
    row |= {f"client_{part}": value for part, value in end(client).items()}
    row |= {f"server_{part}": value for part, value in end(server).items()}
    row |= {"protocol": "TCP", "port": port, "state": "established", "evidence": "syn"}
    row |= {"flows": 10, "reply_flows": 10, "attempted": 1, "accepted": 1, "sampling": 1}
    return row | {"first_seen": 1_761_645_600.0, "last_seen": 1_761_645_899.0, **more}


def frame(*rows: dict[str, Any]) -> pl.DataFrame:
    """A frame of EDGES."""
    return pl.DataFrame(list(rows), schema=EDGES)
