"""Frames whose integers take no more bytes than they need: most facts of most series are small."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

_WHOLE: list[pl.DataType] = [pl.Int8(), pl.Int16(), pl.Int32(), pl.Int64()]


def narrow(frame: pl.DataFrame) -> pl.DataFrame:
    """A frame with its integers (Int64) as the smallest type that has room for all of a column."""
    return frame.with_columns(c.shrink_dtype() for c in frame if c.dtype == pl.Int64)


def wide(frame: pl.DataFrame) -> pl.DataFrame:
    """A frame with all of these as Int64 again."""
    if not any(dtype in _WHOLE[:-1] for dtype in frame.dtypes):
        return frame
    return frame.with_columns(pl.col(_WHOLE).cast(pl.Int64))


def below(columns: Iterable[pl.Series]) -> pl.Series:
    """Columns one below the other (at least one), as the widest type that any of them has."""
    listed = list(columns)
    dtype = listed[0].dtype
    if dtype in _WHOLE:
        dtype = _WHOLE[max(_WHOLE.index(c.dtype) for c in listed)]
    return pl.concat([c.cast(dtype) for c in listed], rechunk=True)
