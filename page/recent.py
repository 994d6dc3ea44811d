"""Single flows: /api/v0/flows, columnar, filtered, with an overview of who talks to whom.

They are the latest that a worker has kept in memory, or those of files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum
from threading import Lock
from typing import Annotated, Any

import msgspec
import polars as pl
from msgspec import Meta

from page import overview
from page.overview import EDGES, Overview
from page.query import parameters, refused
from pipeline.api.answer import Answer, document
from pipeline.api.openapi import Described
from pipeline.flows import times, values
from pipeline.flows.compressed import Compressed
from pipeline.heap import give_back
from pipeline.predicate import query as language
from pipeline.predicate.both_ways import both_ways
from pipeline.predicate.condition import Query

MOST = 5_000
_KEPT = 16
_USUAL = (
    *("TimeFlowEndMs", "SrcK8S_Namespace", "SrcK8S_OwnerName", "SrcAddr", "SrcPort"),
    *("DstK8S_Namespace", "DstK8S_OwnerName", "DstAddr", "DstPort", "Proto", "Bytes", "Packets"),
)


class Of(StrEnum):
    """Which flows: the latest in the memory of a worker, or those of files."""

    LATEST = "latest"
    FILES = "files"


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """Which flows."""

    of: Annotated[Of, Meta(description="The latest in memory, or those of files.")] = Of.LATEST
    query: Annotated[
        str, Meta(description="Flows that a filter keeps, in the language of `stages/filter.py`.")
    ] = ""
    both: Annotated[
        bool, Meta(description="Also flows that it keeps with their ends the other way round.")
    ] = False
    since: Annotated[int, Meta(ge=0, description="Seen at this time (epoch ms) or later.")] = 0
    until: Annotated[
        int, Meta(ge=0, description="Seen before this time (epoch ms); 0: no end.")
    ] = 0
    columns: Annotated[str, Meta(description="Fields, with commas between them.")] = ""
    limit: Annotated[int, Meta(ge=0, le=MOST, description="At most so many flows.")] = 100
    edges: Annotated[int, Meta(ge=0, le=MOST, description="At most so many edges.")] = EDGES

    @property
    def wanted(self) -> list[str]:
        """The columns that are asked for; none where the usual ones are."""
        return [one.strip() for one in self.columns.split(",") if one.strip()]

    @property
    def reads(self) -> frozenset[str]:
        """The fields that the answer is made of, besides those of the query."""
        return frozenset(self.wanted or _USUAL) | overview.FIELDS | times.TIMES.keys()


class FlowsPage(msgspec.Struct, frozen=True, kw_only=True):
    """/api/v0/flows: the newest flows first.

    `held` flows were looked at, `total` of them are asked for; `whole` says whether that are all
    there are: of files, the newest are looked at. `fields` are all that they have, `columns` those
    shown; `values` has a list for each of these, and `times` when each flow was seen (epoch
    seconds). `edges` are the busiest of `all_edges`. `notes` say what cannot be read.
    """

    held: int
    total: int
    fields: list[str]
    columns: list[str]
    values: list[list[Any]]
    times: list[float | None]
    edges: list[Overview]
    all_edges: int
    whole: bool = True
    notes: list[str] = []


DESCRIBED = Described(
    "The latest flows, as the metrics of the pipeline are made of them, or those of files.",
    FlowsPage,
    parameters(Asked),
)


def condition(asked: Asked) -> Query | None:
    """What the query says, both ways where that is asked for. Raises UnansweredError."""
    problem = next(language.problems(asked.query, ("query",)), None) if asked.query else None
    if problem:
        raise refused(f"query: {problem.message}{f'; {problem.hint}' if problem.hint else ''}")
    query = language.parse(asked.query) if asked.query else None
    return both_ways(query) if query and asked.both else query


def page(flows: pl.DataFrame, asked: Asked) -> FlowsPage:
    """The flows of a frame, the newest last, that are asked for. Raises UnansweredError."""
    held = flows.select(one for one in flows.columns if not one.startswith(values.overflow("")))
    query, seen = condition(asked), times.moment(held.schema)
    parts = [query.expr(held.schema)] if query else []
    if asked.since:
        parts.append((seen >= asked.since / 1000).fill_null(value=False))
    if asked.until:
        parts.append((seen < asked.until / 1000).fill_null(value=False))
    found = held.filter(parts) if parts else held
    return shown(found, asked, held.height, held.columns)


class Pages:
    """The pages of the flows that are given: made once for all viewers while these are the same."""

    def __init__(self, flows: Callable[[], Compressed]) -> None:
        self._flows = flows
        self._lock = Lock()
        self._of: Compressed | None = None
        self._made: dict[Asked, Answer] = {}

    def page(self, asked: Asked) -> Answer:
        """The page that is asked for. Raises UnansweredError."""
        flows = self._flows()
        with self._lock:
            if flows is not self._of or len(self._made) >= _KEPT:
                self._of, self._made = flows, {}
            if asked not in self._made:
                self._made[asked] = document(page(flows.frame(), asked)).kept()
                give_back()
            return self._made[asked]


def shown(
    found: pl.DataFrame,
    asked: Asked,
    held: int,
    fields: Sequence[str],
    *,
    whole: bool = True,
    notes: Iterable[str] = (),
) -> FlowsPage:
    """The page of the flows that were found, the newest last. Raises UnansweredError."""
    for name in asked.wanted:
        if fields and name not in fields:
            raise refused(f'columns: no flow has a field "{name}"')
    columns = [one for one in asked.wanted or _USUAL if one in found.columns]
    newest = found.reverse().head(asked.limit)
    edges = overview.edges(found)
    return FlowsPage(
        held=held,
        total=found.height,
        fields=list(fields),
        columns=columns,
        values=[newest[name].to_list() for name in columns],
        times=times.seen(newest).to_list(),
        edges=edges[: asked.edges],
        all_edges=len(edges),
        whole=whole,
        notes=list(notes),
    )
