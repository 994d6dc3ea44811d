"""How many series a metric will have, from how often each was seen so far."""

from __future__ import annotations

import polars as pl


def forecast(rows: pl.Series) -> int:
    """How many label sets there are at least, seen or not; `rows` says how often each was seen.

    The estimate of Chao (Scandinavian Journal of Statistics 11, 1984) without bias: the more label
    sets were seen once rather than twice, the more are still to come.

    >>> forecast(pl.Series([9.0, 4.0, 2.0])), forecast(pl.Series([1.0, 1.0, 1.0, 2.0]))
    (3, 6)
    """
    once, twice = int((rows == 1).sum()), int((rows == 2).sum())
    return rows.len() + round(once * (once - 1) / (2 * (twice + 1)))
