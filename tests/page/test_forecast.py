"""How many series are still to come."""

from __future__ import annotations

from collections import Counter
from random import Random

import polars as pl
import pytest

from page.forecast import forecast


@pytest.mark.parametrize(
    ("rows", "most"),
    [
        ([], 0),
        ([1.0], 1),
        ([5.0, 6.0, 2.0], 3),
        ([1.0, 1.0, 1.0, 1.0], 10),
        ([1.0, 1.0, 1.0, 2.0, 2.0, 9.0], 7),
    ],
)
def test_series_that_were_seen_once_announce_others(rows: list[float], most: int) -> None:
    assert forecast(pl.Series(rows, dtype=pl.Float64)) == most


def test_half_of_a_thousand_series_announce_about_a_thousand() -> None:
    """700 draws of 1,000 that are equally likely show 500 of them; 1,000 is what is forecast."""
    drawn = Counter(Random(7).choices(range(1_000), k=700))
    rows = pl.Series(list(drawn.values()), dtype=pl.Float64)
    assert 480 < rows.len() < 520
    assert 850 < forecast(rows) < 1_150
