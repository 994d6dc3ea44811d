"""One edge as a document, or all edges that a coarser key stands for: `/api/v0/edge?key=`."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
import polars as pl
from msgspec import Meta

from matrix.approved import Approved
from matrix.edge_page import Edge, answers
from matrix.edges import EDGES
from matrix.merging import added
from page.ends import KEY, fits, read
from page.matrix import STATES, CellState, marked

_MOST = 100


class EdgeQuestion(msgspec.Struct, frozen=True):
    """Which edge."""

    key: Annotated[str, Meta(description="The JSON list of the columns that identify an edge.")]


class EdgeDetail(msgspec.Struct, frozen=True):
    """/api/v0/edge: `total` edges added up (null: none is seen any more), and the first of them.

    `shown` is the most remarkable state of them, as in the matrix.
    """

    shown: CellState
    edge: Edge | None
    total: int
    each: list[Edge]


def detail(edges: pl.DataFrame, approved: Approved | None, asked: EdgeQuestion) -> EdgeDetail:
    """What is known of an edge. Raises ValueError for what is no key, LookupError without edges."""
    key = read(asked.key)
    found = edges.filter(fits(key))
    states = marked(edges, approved).filter(fits(key))
    if not states.height:
        raise LookupError("no edge with these ends is known")
    shown = STATES[int(states["shown"].min())]  # type: ignore[arg-type] # it has rows
    return EdgeDetail(shown, _one(found, key), found.height, answers(found.head(_MOST)))


def _one(found: pl.DataFrame, key: dict[str, Any]) -> Any:
    """The edges as one, called by the key where they are several."""
    if found.height < 2:
        return next(iter(answers(found)), None)
    same = found.with_columns(pl.lit(key[name], EDGES[name]).alias(name) for name in KEY)
    return answers(added(same))[0]
