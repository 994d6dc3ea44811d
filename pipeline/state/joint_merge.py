"""What is pending in many tables of a family, merged at once: each call of Polars has a cost."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import polars as pl

from pipeline.state.label_sets import ID
from pipeline.state.narrow import wide
from pipeline.state.series_rows import Merged, merged
from pipeline.state.series_table import SeriesTable

_TABLE = ":table"
_FEW_ROWS = 5_000
"""Pending rows up to which a table is merged together with others."""


def merge_together(tables: Iterable[SeriesTable]) -> None:
    """Merge what is pending in tables, so that `compact` only has to take it.

    The rows are the same, and in the same order, as if each were merged by itself.
    """
    alike: dict[tuple[str, int], list[SeriesTable]] = {}
    for table in tables:
        if 0 < table.pending_rows <= _FEW_ROWS:
            alike.setdefault((table.family.name, id(table.rows.sets)), []).append(table)
    for some in alike.values():
        if len(some) > 1:
            _merge(some)


def _merge(tables: Sequence[SeriesTable]) -> None:
    pending = pl.concat([rows for table in tables for rows in table.pending], rechunk=True)
    sizes = [table.pending_rows for table in tables]
    ids = np.split(pending[ID].to_numpy(), np.cumsum(sizes)[:-1])
    places = [table.places(np.unique(own)) for table, own in zip(tables, ids, strict=True)]
    known = [wide(t.rows.totals[at]) for t, at in zip(tables, places, strict=True)]
    there = [rows.height for rows in known]
    numbers = np.arange(len(tables), dtype=np.uint32)
    of_table = pl.Series(_TABLE, np.concatenate([numbers.repeat(there), numbers.repeat(sizes)]))
    rows = pl.concat([*known, pending], rechunk=True).with_columns(of_table)
    rows = merged(tables[0].family, rows, [_TABLE, ID])
    fresh = np.bincount(rows[_TABLE].to_numpy()[sum(there) :], minlength=len(tables))
    rows = rows.drop(_TABLE)
    at, behind = 0, sum(there)
    for number, table in enumerate(tables):
        here, more = there[number], int(fresh[number])
        table.merged = Merged(places[number], rows.slice(at, here), rows.slice(behind, more))
        at, behind = at + here, behind + more
