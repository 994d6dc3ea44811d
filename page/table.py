"""The table of edges, each with the state that it has in the matrix: /api/v0/edges."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import polars as pl

from matrix import edge_page
from matrix.approved import Approved
from matrix.edge_page import EdgePage
from matrix.select import called
from page.ends import KEY, SIDES, any_node, as_approved
from page.matrix import STATES, CellState, marked
from page.source import Seen
from pipeline.api.openapi import Described


class TablePage(EdgePage, frozen=True):
    """/api/v0/edges, and in `shown` the state of each row as a cell of the matrix says it."""

    shown: list[CellState]


DESCRIBED = Described(
    "Who opens connections to whom, as a table.", TablePage, edge_page.DESCRIBED.parameters
)


def table(seen: Seen, known: Approved | None, query: Mapping[str, str]) -> TablePage:
    """The edges that are asked for; `known` is what is approved. Raises ValueError."""
    found = edge_page.page(seen.edges(), seen.beyond, query)
    states = [CellState(row.state) for row in found.rows]
    if known is not None and found.rows:
        states = _shown(seen, known, query, found)
    return TablePage(**msgspec.structs.asdict(found), shown=states)


def _shown(
    seen: Seen, known: Approved, query: Mapping[str, str], found: EdgePage
) -> list[CellState]:
    """The most remarkable state of what each row stands for."""
    merged = edge_page.merging(query)
    names = [f"{side}_label" for side in SIDES]
    about = edge_page.selected(seen.edges(), query).with_columns(map(as_approved, names))
    behind = marked(seen, known).join(about, on=KEY, how="semi", nulls_equal=True)
    if merged:
        behind = called(behind, merged).with_columns(map(any_node, SIDES))
        names = list(KEY)
    worst = behind.group_by(KEY).agg(pl.col("shown").min())
    columns = {name: [getattr(row, name) for row in found.rows] for name in KEY}
    rows = pl.DataFrame(columns, schema_overrides=worst.select(KEY).schema)
    states = rows.with_columns(map(as_approved, names)).join(
        worst, on=KEY, how="left", nulls_equal=True, maintain_order="left"
    )
    return [STATES[place] for place in states["shown"]]
