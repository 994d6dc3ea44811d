"""One edge as a document, or all edges that a coarser key stands for: `/api/v0/edge?key=`."""

from __future__ import annotations

from http import HTTPStatus
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
from page.query import parameters, refused
from page.source import Seen
from pipeline.api.openapi import Described

_MOST = 100


class Asked(msgspec.Struct, frozen=True):
    """Which edge."""

    key: Annotated[str, Meta(description="The JSON list of the columns that identify an edge.")]


class EdgePage(msgspec.Struct, frozen=True):
    """/api/v0/edge: `total` edges added up (null: none is seen any more), and the first of them.

    `shown` is the most remarkable state of them, as in the matrix.
    """

    shown: CellState
    edge: Edge | None
    total: int
    each: list[Edge]


DESCRIBED = Described("An edge, or all that one stands for.", EdgePage, parameters(Asked))


def edge(seen: Seen, known: Approved | None, asked: Asked) -> EdgePage:
    """What is known of an edge; `known` is what is approved. Raises UnansweredError: 400, 404."""
    try:
        key = read(asked.key)
    except ValueError as error:
        raise refused(str(error)) from error
    found = seen.edges().filter(fits(key))
    states = marked(seen, known).filter(fits(key))
    if not states.height:
        raise refused("no edge with these ends was seen or is approved", HTTPStatus.NOT_FOUND)
    shown = STATES[int(states["shown"].min())]  # type: ignore[arg-type] # it has rows
    return EdgePage(shown, _one(found, key), found.height, answers(found.head(_MOST)))


def _one(found: pl.DataFrame, key: dict[str, Any]) -> Any:
    """The edges as one, called by the key where they are several."""
    if found.height < 2:
        return next(iter(answers(found)), None)
    same = found.with_columns(pl.lit(key[name], EDGES[name]).alias(name) for name in KEY)
    return answers(added(same))[0]
