"""How the edges differ from the approved ones, and decisions about it: /api/v0/drift."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http import HTTPStatus
from pathlib import Path
from threading import Lock
from typing import Annotated, Any

import msgspec
import polars as pl
from msgspec import Meta

from matrix import approval, approved
from matrix.approved import DRIFT, KEY, Approved, Drift
from page.query import body, parameters, refused
from page.source import Seen, Source
from pipeline.api.openapi import Described
from pipeline.diagnostics import ConfigError
from pipeline.yaml import document
from pipeline.yaml.replacing import replace

_TYPES: Mapping[pl.DataType, Any] = {pl.String(): str, pl.Int32(): int | None}
_NULLS = ("evidence", "was")
_WRITING = Lock()


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What of the drift is asked for."""

    namespace: Annotated[str, Meta(description="Only edges with an end in it.")] = ""
    only: Annotated[Drift | None, Meta(description="Only edges that differ like this.")] = None
    offset: Annotated[int, Meta(ge=0, description="Leave out so many edges.")] = 0
    limit: Annotated[int, Meta(ge=1, le=10_000, description="At most so many edges.")] = 1_000


Row: Any = msgspec.defstruct(
    "DriftingEdge",
    [(name, str | None if name in _NULLS else _TYPES[dtype]) for name, dtype in DRIFT.items()],
    frozen=True,
)
"""A row of DRIFT."""


class DriftPage(msgspec.Struct, frozen=True, kw_only=True):
    """/api/v0/drift: the edges that differ, the worst first.

    `approved` is how many edges the file has, `namespaces` those that it is about (none: all).
    `counts` are of all that differ in the namespace asked for, by how; `total` is how many rows
    there are, of which some are given. `marked` are edges of the namespace that are marked as
    anomalous, seen or not.
    """

    file: str
    approved: int
    namespaces: list[str]
    counts: dict[str, int]
    total: int
    rows: list[Row]
    marked: list[Row]
    notes: list[str]


class Chosen(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The body of a POST: edges, each as the values of its key, or all that differ.

    A key is what `matrix.approved.KEY` lists: kind, namespace, workload, label and address of the
    client, the same of the server, protocol, port. `all` leaves out what is marked as anomalous,
    and with a `namespace` what has no end in it.
    """

    edges: list[list[str | int | None]] = []
    all: bool = False
    namespace: str = ""


class Marked(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The body of a POST: edges, as in `Chosen`, and whether they must not be."""

    edges: list[list[str | int | None]]
    anomalous: bool = True


class Written(msgspec.Struct, frozen=True):
    """What a decision has made: how many edges are approved, and how many differ."""

    approved: int
    differ: int


DESCRIBED = Described(
    "How the edges differ from the approved matrix.", DriftPage, parameters(Asked)
)
APPROVE = Described("Approve edges as they are now.", Written, body=Chosen)
MARK = Described("Mark edges as anomalous, or not any more.", Written, body=Marked)
NO_FILE = "no matrix is approved: give `matrix.approved` in the configuration a file"


def drift(seen: Seen, known: Approved, file: str, question: Asked) -> DriftPage:
    """The page of the edges that differ from the approved ones."""
    here = question.namespace
    found = approval.ending_in(approved.drift(seen.edges(), known), here)
    notes = []
    if not seen.whole:
        found = found.filter(pl.col("drift") != Drift.GONE.value)
        notes.append("a member of a group sees a part of the edges: none is called gone")
    counts = dict(found.group_by("drift").len().iter_rows())
    rows = found.filter(pl.col("drift") == question.only.value) if question.only else found
    return DriftPage(
        file=file,
        approved=len(known.edges),
        namespaces=known.namespaces,
        counts={one.value: counts.get(one.value, 0) for one in Drift},
        total=rows.height,
        rows=[Row(**one) for one in _part(rows, question).iter_rows(named=True)],
        marked=[_row(edge) for edge in known.edges if edge.anomalous and _in(edge, here)],
        notes=notes,
    )


def load(path: Path | None) -> Approved:
    """The approved matrix of a file. Raises UnansweredError: 404 without a file, 409."""
    if path is None:
        raise refused(NO_FILE, HTTPStatus.NOT_FOUND)
    try:
        return approved.load(path)
    except ConfigError as error:
        raise refused("; ".join(map(str, error.problems)), HTTPStatus.CONFLICT) from error


def approve(source: Source, content: bytes) -> Written:
    """Write into the approved file what is as it shall be. Raises UnansweredError."""
    chosen = body(content, Chosen)
    if chosen.all == bool(chosen.edges):
        raise refused("give edges, or all")
    if chosen.namespace and not chosen.all:
        raise refused("a namespace goes with all")

    def change(known: Approved, edges: pl.DataFrame) -> Approved:
        if chosen.all:
            return approval.accept_all(known, edges, chosen.namespace)
        return approval.accept(known, edges, map(approval.key_of, chosen.edges))

    return _decide(source, change)


def mark(source: Source, content: bytes) -> Written:
    """Write into the approved file what must not be. Raises UnansweredError."""
    marked = body(content, Marked)
    if not marked.edges:
        raise refused("give edges")

    def change(known: Approved, edges: pl.DataFrame) -> Approved:
        keys = map(approval.key_of, marked.edges)
        return approval.mark(known, edges, keys, anomalous=marked.anomalous)

    return _decide(source, change)


def _decide(source: Source, change: Callable[[Approved, pl.DataFrame], Approved]) -> Written:
    """Read the approved file, change it, and write it in one piece."""
    edges = source.read().edges()
    path = source.approved
    if path is None:
        raise refused(NO_FILE, HTTPStatus.NOT_FOUND)
    with _WRITING:
        try:
            before = document.content(path)
            after = change(approved.load(path), edges)
            text = approved.dump(after).encode()
            if text != before:
                replace(path, before, text)
        except approval.UnknownEdgeError as error:
            raise refused(str(error), HTTPStatus.CONFLICT) from error
        except ValueError as error:
            raise refused(str(error)) from error
        except ConfigError as error:
            raise refused("; ".join(map(str, error.problems)), HTTPStatus.CONFLICT) from error
        except OSError as error:
            why = f"{path} cannot be written: {error.strerror}"
            raise refused(why, HTTPStatus.CONFLICT) from error
    return Written(len(after.edges), approved.drift(edges, after).height)


def _part(rows: pl.DataFrame, question: Asked) -> pl.DataFrame:
    return rows.slice(question.offset, question.limit)


def _in(edge: approved.ApprovedEdge, namespace: str) -> bool:
    return not namespace or namespace in (edge.client.namespace, edge.server.namespace)


def _row(edge: approved.ApprovedEdge) -> Any:
    ends, port = approved.key(edge)
    values = dict(zip(KEY[:-1], ends, strict=True))
    port_or_none = None if port < 0 else port
    return Row(Drift.ANOMALOUS.value, **values, port=port_or_none, evidence=None, was=edge.evidence)
