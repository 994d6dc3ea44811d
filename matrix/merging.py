"""Edges that become one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import polars as pl

from matrix.counting import KEY
from matrix.edges import LISTS, NUMBERS, State
from matrix.places import EVIDENCES

_STATES = [State.ESTABLISHED, State.DENIED, State.ATTEMPTED, State.UNCERTAIN]
"""The one that says most of what became of connections comes first."""


def added(edges: pl.DataFrame, key: Sequence[str] = KEY) -> pl.DataFrame:
    """One row for all edges with the same key, their numbers added up.

    It has the strongest evidence of them, and the state that says most.
    """
    return _merged(edges, key, [pl.col(name).sum() for name in NUMBERS])


def united(edges: pl.DataFrame) -> pl.DataFrame:
    """One row for edges that tell of the same connections: the larger number is the right one."""
    return _merged(edges, KEY, [pl.col(name).max() for name in NUMBERS])


def _merged(rows: pl.DataFrame, key: Sequence[str], numbers: list[pl.Expr]) -> pl.DataFrame:
    ranked = rows.with_columns(
        pl.col("evidence").replace_strict(_names(EVIDENCES), range(len(EVIDENCES))),
        pl.col("state").replace_strict(_names(_STATES), range(len(_STATES))),
    )
    merged = ranked.group_by(key, maintain_order=True).agg(
        *numbers,
        pl.col("sampling").max(),
        *(pl.col(name).explode().drop_nulls().unique().sort() for name in LISTS),
        pl.col("evidence", "state", "first_seen").min(),
        pl.col("last_seen").max(),
    )
    return merged.with_columns(
        pl.col("evidence").replace_strict(range(len(EVIDENCES)), _names(EVIDENCES)),
        pl.col("state").replace_strict(range(len(_STATES)), _names(_STATES)),
    ).select(rows.columns)


def _names(values: Iterable[str]) -> list[str]:
    return [str(value) for value in values]
