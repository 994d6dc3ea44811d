"""Edges printed as they are asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import polars as pl

from matrix.cells import TIMES, time_text
from matrix.coverage import Coverage, remarks
from matrix.dot import dot
from matrix.edge_screen import edges_on_screen, summary_on_screen
from matrix.families import MatrixDirection
from matrix.render import Form, csv_text, json_text, markdown_text, safe_json
from matrix.tables import Order


class Question(NamedTuple):
    """How edges are to be shown: of which namespaces (all), in which directions, in what order."""

    namespaces: Sequence[str]
    directions: Sequence[MatrixDirection]
    order: Order
    evidence: bool
    summary: bool


_SIDES = {MatrixDirection.OUTGOING: "client", MatrixDirection.INCOMING: "server"}
_TITLES = {MatrixDirection.OUTGOING: "opened", MatrixDirection.INCOMING: "accepted"}
_NAMES = [
    f"{side}_{part}"
    for side in ("client", "server")
    for part in ("namespace", "workload", "kind", "label", "address")
]
_KEYS = {
    Order.COUNT: (pl.col("flows") + pl.col("reply_flows"), True),
    Order.BYTES: (pl.col("bytes") + pl.col("reply_bytes"), True),
    Order.PORT: (pl.col("port"), False),
    Order.LAST_SEEN: (pl.col("last_seen"), True),
}


def within(edges: pl.DataFrame, question: Question) -> pl.DataFrame:
    """The edges with an end in the namespaces, on the side of the directions, in order."""
    if question.namespaces:
        sides = [pl.col(f"{_SIDES[d]}_namespace") for d in question.directions]
        edges = edges.filter(pl.any_horizontal(side.is_in(question.namespaces) for side in sides))
    names = [pl.col(name) for name in (*_NAMES, "protocol", "port")]
    first, descending = _KEYS.get(question.order, (names[0], False))
    down = [descending, *[False] * len(names)]
    return edges.sort(first, *names, descending=down, nulls_last=True)


def printed(
    edges: pl.DataFrame, form: Form, width: int, question: Question, summary: pl.DataFrame
) -> str:
    """The edges as text, without what they cover; `summary` is that of them by namespace."""
    rows = summary if question.summary else edges
    if form is Form.TABLE:
        return _tables(edges, width, question, summary)
    if form is Form.DOT:
        return dot(edges)
    if form is Form.JSONL:
        return safe_json(rows.write_ndjson())
    if form is Form.CSV:
        return csv_text(rows)
    return markdown_text(rows if question.summary else _few(rows))


def document(edges: pl.DataFrame, coverage: Coverage, notes: Sequence[str]) -> str:
    """The JSON document of edges: what they cover, notes, and the rows."""
    covers = {
        "first_seen": _time(coverage.first_seen),
        "last_seen": _time(coverage.last_seen),
        "flows": coverage.flows,
        "beyond": coverage.beyond,
        "rejected": coverage.rejected,
    }
    return json_text({"unit": "flows", "covers": covers, "notes": list(notes)}, edges)


def notes_on(edges: pl.DataFrame, coverage: Coverage, notes: Sequence[str]) -> list[str]:
    """What stands below edges: notes, remarks on them, and what they cover."""
    return [*notes, *remarks(edges), str(coverage)]


def _tables(edges: pl.DataFrame, width: int, question: Question, summary: pl.DataFrame) -> str:
    if question.summary:
        return summary_on_screen(summary, width)
    if not question.namespaces:
        return edges_on_screen(edges, width, evidence=question.evidence)
    return "\n".join(_sections(edges, width, question))


def _sections(edges: pl.DataFrame, width: int, question: Question) -> Iterator[str]:
    for name in question.namespaces:
        for direction in question.directions:
            own = edges.filter(pl.col(f"{_SIDES[direction]}_namespace") == name)
            title = f"Connections {_TITLES[direction]} by {name}"
            yield edges_on_screen(own, width, title, name, evidence=question.evidence)


def _few(edges: pl.DataFrame) -> pl.DataFrame:
    """The columns of a page."""
    ends = [
        pl.concat_str(
            [pl.col(f"{side}_{part}") for part in ("namespace", "workload")], separator="/"
        )
        .str.strip_chars("/")
        .replace("", None)
        .fill_null(pl.concat_str(f"{side}_label", f"{side}_address"))
        .alias(side)
        for side in ("client", "server")
    ]
    return edges.select(
        *ends,
        "protocol",
        "port",
        "state",
        "evidence",
        pl.col("flows") + pl.col("reply_flows"),
        pl.col("bytes") + pl.col("reply_bytes"),
        *TIMES,
    )


def _time(seconds: float | None) -> str | None:
    return None if seconds is None else time_text(seconds)
