"""Edges as a document of the API: filtered, in pages, with what they cover."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeVar

import msgspec
import polars as pl

from matrix.approval import ending_in
from matrix.cells import TIMES, time_text
from matrix.coverage import Coverage, remarks
from matrix.edges import EDGES
from matrix.select import Collapse, Only, collapse, select
from pipeline.api.openapi import Described, Parameter
from pipeline.diagnostics import nearest
from pipeline.predicate import query as language
from pipeline.predicate.syntax import RefusedError

T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)
_MOST, _USUAL = 10_000, 1_000
_TYPES: dict[pl.DataType, Any] = {
    pl.String(): str,
    pl.Int32(): int | None,
    pl.Int64(): int,
    pl.Float64(): datetime | None,
    pl.List(pl.String()): list[str],
}
Edge: Any = msgspec.defstruct("Edge", [(name, _TYPES[dtype]) for name, dtype in EDGES.items()])
"""A row of EDGES; times are in RFC 3339."""


class Covered(msgspec.Struct, frozen=True):
    """What all edges cover: see `matrix.coverage.Coverage`."""

    first_seen: datetime | None
    last_seen: datetime | None
    flows: int
    beyond: int


class EdgePage(msgspec.Struct, frozen=True):
    """/api/v0/edges: some of the edges that were asked for, in the order of their names.

    `total` is how many there are, `next` the offset of the next page (null: there is none).
    """

    total: int
    offset: int
    next: int | None
    covers: Covered
    notes: list[str]
    rows: list[Edge]


DESCRIBED = Described(
    "Who opens connections to whom: the edges that this worker has counted.",
    EdgePage,
    [
        Parameter("namespace", "Edges with an end in this namespace."),
        Parameter("between", "Edges between two ends: A,B."),
        Parameter("peer", "Edges with this end: a namespace, NS/WORKLOAD, label, address, CIDR."),
        Parameter("port", "Edges to this port.", int),
        Parameter("since", "Edges seen after this time.", datetime),
        Parameter("until", "Edges seen before this time.", datetime),
        Parameter("only", "Edges of this state, or with an unlabelled end.", Only),
        Parameter("query", "Edges that a filter keeps, in the language of `stages/filter.py`."),
        Parameter("collapse", "Make one end of all these.", Collapse),
        Parameter("sort", "Sort by this column, from the largest on with - before it."),
        Parameter("offset", "Leave out so many edges.", int),
        Parameter("limit", f"At most so many edges: {_USUAL}, and no more than {_MOST}.", int),
    ],
)


def page(edges: pl.DataFrame, beyond: int, query: Mapping[str, str]) -> EdgePage:
    """The page of the edges that a query asks for. Raises ValueError with what is wrong with it."""
    known = [parameter.name for parameter in DESCRIBED.parameters]
    strange = next((name for name in query if name not in known), "")
    if strange:
        raise ValueError(f'"{strange}" is not a parameter: {", ".join(known)}')
    read = _Query(query)
    offset, limit = read("offset", _count) or 0, read("limit", _count) or _USUAL
    found, merged = selected(edges, query), merging(query)
    found = collapse(found, merged) if merged else found
    found = _sorted(_kept(found, query.get("query", "")), query.get("sort", ""))
    rows = found.slice(offset, min(limit, _MOST))
    end = offset + rows.height
    return EdgePage(
        found.height,
        offset,
        end if end < found.height else None,
        _covered(Coverage.of(edges, beyond, None)),
        remarks(found),
        answers(rows),
    )


def selected(edges: pl.DataFrame, query: Mapping[str, str]) -> pl.DataFrame:
    """The edges that a query is about, before ends are made one and its filter is applied.

    Raises ValueError.
    """
    read = _Query(query)
    between = query.get("between", "").split(",") if "between" in query else None
    if between is not None and len(between) != 2:
        raise ValueError(f'between: "{query["between"]}" is not A,B')
    found = select(
        edges,
        between=(between[0], between[1]) if between else None,
        peer=query.get("peer", ""),
        port=read("port", _count),
        since=read("since", _seconds),
        until=read("until", _seconds),
        only=read("only", _one_of(Only)),
    )
    return ending_in(found, query.get("namespace", ""))


def merging(query: Mapping[str, str]) -> Collapse | None:
    """Which ends a query makes one. Raises ValueError."""
    return _Query(query)("collapse", _one_of(Collapse))


def answers(edges: pl.DataFrame) -> list[Any]:
    """Rows of `matrix.edges.EDGES` as they are answered with."""
    return [_edge(row) for row in edges.iter_rows(named=True)]


def _kept(edges: pl.DataFrame, text: str) -> pl.DataFrame:
    """The edges that a query keeps; its fields are columns of edges."""
    if not text.strip():
        return edges
    try:
        query = language.parse(text)
    except RefusedError as error:
        raise ValueError(f"query: {error}{'; ' if error.hint else ''}{error.hint}") from None
    plain = [name for name, dtype in edges.schema.items() if dtype != pl.List]
    for name in sorted(query.fields):
        if name not in plain:
            hint = nearest(name, plain) or "such as client_namespace, port, state, bytes"
            raise ValueError(f'query: edges have no column "{name}"; {hint}')
    return edges.filter(query.expr(edges.select(plain).schema))


def _sorted(edges: pl.DataFrame, text: str) -> pl.DataFrame:
    if not text:
        return edges
    name = text.removeprefix("-")
    if edges.schema.get(name, pl.List) == pl.List:
        hint = nearest(name, edges.columns) or "such as client_workload, port, -bytes"
        raise ValueError(f'sort: edges have no column "{name}" to sort by; {hint}')
    return edges.sort(name, descending=text != name, nulls_last=True, maintain_order=True)


class _Query:
    """The values of a query, each read by a function that raises ValueError."""

    def __init__(self, query: Mapping[str, str]) -> None:
        self._query = query

    def __call__(self, name: str, read: Callable[[str], T]) -> T | None:
        text = self._query.get(name)
        if text is None:
            return None
        try:
            return read(text)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise ValueError(f'"{text}" is not a number')
    return int(text)


def _one_of(kind: type[E]) -> Callable[[str], E]:
    """Reads a value of an enumeration."""
    valid = [one.value for one in kind]

    def read(text: str) -> E:
        if text not in valid:
            hint = nearest(text, valid) or f"one of {', '.join(valid)}"
            raise ValueError(f'"{text}" is not known; {hint}')
        return kind(text)

    return read


def _seconds(text: str) -> float:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f'"{text}" is not a time: 2026-05-01T12:00:00Z') from None
    if found.tzinfo is None:
        raise ValueError(f'"{text}" has no zone: 2026-05-01T12:00:00Z')
    return found.timestamp()


def _covered(coverage: Coverage) -> Covered:
    first, last = (_stamp(one) for one in (coverage.first_seen, coverage.last_seen))
    return Covered(first, last, coverage.flows, coverage.beyond)


def _edge(row: Mapping[str, Any]) -> Any:
    return Edge(**{**row, **{name: _stamp(row[name]) for name in TIMES}})


def _stamp(seconds: float | None) -> Any:
    """A time as it is written; the type says what it is."""
    return None if seconds is None else time_text(seconds)
