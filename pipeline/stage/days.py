"""The days on which a series was seen, as bits of one number: those of the last nine weeks.

The bit of a day is its number (days since 1970, UTC) modulo SPAN. Which day a bit means follows
from the LAST_SEEN of its row: the last one until then. So days are forgotten by the time of flows
alone, and rows may be merged in any order.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import polars as pl

from pipeline.stage.metrics import FIRST_SEEN, LAST_SEEN

SECONDS = 86_400
SPAN = 63
"""Days that are known: bits of an Int64 that is not negative."""

_BIT, _LAST = ":bit", ":last"


def _remaining(last: int, passed: int) -> int:
    """The bits of a row last seen on day `last` that still hold `passed` days later."""
    gone = sum(1 << (last + number) % SPAN for number in range(1, passed + 1))
    return (1 << SPAN) - 1 - gone


@cache
def _remains() -> pl.Series:
    """`_remaining` of each last day, and behind it of each number of days passed."""
    places = [(last, passed) for last in range(SPAN) for passed in range(SPAN + 1)]
    return pl.Series([_remaining(*place) for place in places], dtype=pl.Int64)


def day(time: pl.Expr) -> pl.Expr:
    """Int32: the number of the day of a time (epoch seconds)."""
    return (time // SECONDS).cast(pl.Int32)


def bits(days: pl.Expr) -> pl.Expr:
    """Int64: the bit of each day."""
    every = pl.Series([1 << place for place in range(SPAN)], dtype=pl.Int64)
    return pl.lit(every).gather(days % SPAN)


def current(rows: pl.DataFrame, columns: Sequence[str], key: Sequence[str]) -> pl.DataFrame:
    """Rows whose `columns` of days have the bits alone that hold when rows of one key are merged.

    They have FIRST_SEEN and LAST_SEEN.
    """
    first, last = rows.select(day(pl.col(FIRST_SEEN).min()), day(pl.col(LAST_SEEN).max())).row(0)
    if not columns or first is None or last - first < SPAN:
        return rows
    latest = pl.col(_LAST).max().over(key) if key else pl.col(_LAST).max()
    passed = (latest - pl.col(_LAST)).clip(0, SPAN)
    remaining = pl.lit(_remains()).gather(pl.col(_LAST) % SPAN * (SPAN + 1) + passed)
    found = rows.with_columns(day(pl.col(LAST_SEEN)).alias(_LAST))
    return found.with_columns(pl.col(name) & remaining for name in columns).drop(_LAST)


def dates(days: pl.DataFrame) -> pl.DataFrame:
    """`bits` (Int64) and `last` (Int32, the day until which they go) -> and `dates`.

    `dates` (List of String, ascending) are the days in ISO 8601. A row for each distinct pair.
    """
    pairs = days.unique()
    each = pl.concat(
        pairs.filter(pl.col("bits") & (1 << place) != 0).with_columns(
            (pl.col("last") - (pl.col("last") - place) % SPAN).alias(_BIT)
        )
        for place in range(SPAN)
    )
    named = pl.col(_BIT).cast(pl.Date).cast(pl.String).alias("dates")
    return each.sort(_BIT).group_by("bits", "last", maintain_order=True).agg(named)
