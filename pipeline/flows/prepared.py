"""Expressions that are made once for all frames of the same columns.

To make many of them takes about as long as to run them over a batch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TypeVarTuple

import polars as pl

from pipeline.flows.values import Schema

_KEPT = 64
_More = TypeVarTuple("_More")


def prepared(
    make: Callable[[Schema, *_More], Sequence[pl.Expr]],
) -> Callable[[pl.DataFrame, *_More], Sequence[pl.Expr]]:
    """`make` from a frame in the place of its schema; it is called for other columns alone.

    What else it is given has to be hashable.
    """

    @lru_cache(_KEPT)
    def made(
        names: tuple[str, ...], types: tuple[pl.DataType, ...], more: tuple[*_More]
    ) -> Sequence[pl.Expr]:
        return make(dict(zip(names, types, strict=True)), *more)

    def of(flows: pl.DataFrame, *more: *_More) -> Sequence[pl.Expr]:
        return made(tuple(flows.columns), tuple(flows.dtypes), more)

    return of
