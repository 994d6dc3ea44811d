"""Which series a checkpoint writes as parts of `ROWS`, and which alone: few changes of a million.

So a checkpoint costs what has changed, wherever that is. Changes stand beside the values of all, by
their places; of a series that is there more than once the values that were counted last hold.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

from pipeline.state.series_rows import LAST_COUNTED

ROWS = 8192
"""Series in a part."""

PLACE = ":place"
"""Where in the totals the series of a change is (UInt32)."""

MOST = 50
"""Checkpoints whose changes stand beside the values; then these are written anew."""

WORTH = 1_000
"""Series that must be spared, at least, for others to be written alone."""

_DENSE = 8

Places = npt.NDArray[np.int64]


def few(places: Places, height: int, written: Callable[[int], int]) -> npt.NDArray[np.bool_]:
    """Which of the series that have changed, of `height`, are written alone.

    Those of a part of which so many are `written` as it has, when that spares seven eighths of it.
    """
    chunks = places // ROWS
    sparse = []
    for chunk, changed in zip(*np.unique(chunks, return_counts=True), strict=True):
        rows = min(ROWS, height - int(chunk) * ROWS)
        if written(int(chunk)) == rows > changed * _DENSE + WORTH:
            sparse.append(chunk)
    return np.isin(chunks, sparse)


def alone(totals: pl.DataFrame, places: Places) -> pl.DataFrame:
    """The series at some places, as changes."""
    at = pl.Series(PLACE, places, dtype=pl.UInt32)
    return totals[at].with_columns(at)


def applied(totals: pl.DataFrame, changes: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Totals with the values of changes. Raises IndexError where a place is beyond their end."""
    if not changes:
        return totals
    last = pl.concat(changes).sort(LAST_COUNTED).unique(PLACE, keep="last")
    if not last.filter(pl.col(PLACE) >= totals.height).is_empty():
        raise IndexError
    last = last.filter(last[LAST_COUNTED] > totals[LAST_COUNTED][last[PLACE]])
    columns = last.drop(PLACE)
    return totals.with_columns(totals[c.name].scatter(last[PLACE], c) for c in columns)
