"""Edges as a graph in the language of Graphviz.

Source: https://graphviz.org/doc/info/lang.html.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import polars as pl

from matrix.cells import clean
from matrix.edge_text import Edge, end_text, port_text
from matrix.edges import State

_STYLES = {State.ATTEMPTED: "dashed", State.DENIED: "dotted", State.UNCERTAIN: "dashed"}
_SIDES = ("client", "server")


def dot(edges: pl.DataFrame) -> str:
    """The graph: a node for each end, grouped by namespace, and an arrow for each pair of ends.

    An arrow has the ports of all edges between its ends and the style of the best of their states.
    """
    rows = edges.rows(named=True)
    places: dict[str, dict[str, None]] = {}
    for edge in rows:
        for side in _SIDES:
            place = edge[f"{side}_namespace"]
            places.setdefault(place, {})[end_text(edge, side)] = None
    lines = ["digraph matrix {", "  rankdir=LR;", "  node [shape=box];"]
    for number, place in enumerate(sorted(places)):
        lines += _group(number, place, sorted(places[place]))
    return "\n".join([*lines, *_arrows(rows), "}"]) + "\n"


def _group(number: int, place: str, ends: list[str]) -> Iterator[str]:
    nodes = [f"{_quoted(end)};" for end in ends]
    if not place:
        yield from (f"  {node}" for node in nodes)
        return
    yield f"  subgraph cluster_{number} {{"
    yield f"    label={_quoted(clean(place))};"
    yield from (f"    {node}" for node in nodes)
    yield "  }"


def _arrows(rows: Sequence[Edge]) -> Iterator[str]:
    ports: dict[tuple[str, str], dict[str, None]] = {}
    states: dict[tuple[str, str], set[str]] = {}
    for edge in rows:
        pair = (end_text(edge, "client"), end_text(edge, "server"))
        ports.setdefault(pair, {})[port_text(edge)] = None
        states.setdefault(pair, set()).add(edge["state"])
    for (client, server), found in sorted(ports.items()):
        best = next((s for s in State if s.value in states[client, server]), State.UNCERTAIN)
        style = f", style={_STYLES[best]}" if best in _STYLES else ""
        label = _quoted(", ".join(found))
        yield f"  {_quoted(client)} -> {_quoted(server)} [label={label}{style}];"


def _quoted(text: str) -> str:
    """A text as an ID: a backslash begins an escape in labels, so it is doubled."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
