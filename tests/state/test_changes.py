"""Few changed series: which they are, and that the values counted last hold."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from pipeline.state.changes import PLACE, ROWS, Places, alone, applied, few
from pipeline.state.series_rows import LAST_COUNTED


def places(*numbers: int) -> Places:
    return np.array(numbers, np.int64)


def totals(*values: tuple[str, int, float]) -> pl.DataFrame:
    return pl.DataFrame(values, schema=["ns", "n", LAST_COUNTED], orient="row")


@pytest.mark.parametrize(
    ("changed", "height", "written", "expected"),
    [
        ([5], 2 * ROWS, {0: ROWS, 1: ROWS}, [True]),
        ([5, ROWS + 1], 2 * ROWS, {0: ROWS, 1: ROWS}, [True, True]),
        ([5, ROWS + 1], 2 * ROWS, {1: ROWS}, [False, True]),  # the first part is not written
        ([5, ROWS + 1], ROWS + 2, {0: ROWS, 1: 1}, [True, False]),  # the second one has grown
        ([5], 1_000, {0: 1_000}, [False]),  # a small part is written as a whole
        ([], 2 * ROWS, {0: ROWS}, []),
        ([*range(898), ROWS], 2 * ROWS, {0: ROWS, 1: ROWS}, [True] * 899),
        ([*range(899), ROWS], 2 * ROWS, {0: ROWS, 1: ROWS}, [False] * 899 + [True]),
    ],
)
def test_few(
    changed: list[int], height: int, written: dict[int, int], expected: list[bool]
) -> None:
    found = few(places(*changed), height, lambda chunk: written.get(chunk, 0))
    assert found.tolist() == expected


def test_the_values_counted_last_hold() -> None:
    """Whatever the order of changes, and also when the values beside them are newer."""
    now = totals(("a", 1, 1.0), ("b", 2, 5.0), ("c", 3, 1.0))
    values = now.drop("ns").with_columns(pl.col("n") + 10)
    older = alone(values.with_columns(pl.lit(3.0).alias(LAST_COUNTED)), places(0, 1))
    newer = alone(values.with_columns(pl.col("n") + 10, pl.lit(4.0).alias(LAST_COUNTED)), places(0))
    expected = totals(("a", 21, 4.0), ("b", 2, 5.0), ("c", 3, 1.0))
    assert applied(now, [newer, older]).equals(expected)
    assert applied(now, [older, newer]).equals(expected)
    assert applied(now, []).equals(now)


def test_a_null_takes_the_place_of_a_value() -> None:
    """A fact that is not known has none."""
    change = alone(totals(("a", 1, 2.0)).drop("ns"), places(0)).with_columns(
        pl.lit(None, pl.Int64).alias("n")
    )
    assert applied(totals(("a", 1, 1.0)), [change])["n"].to_list() == [None]


def test_a_place_beyond_the_end() -> None:
    change = alone(totals(("a", 1, 2.0)).drop("ns"), places(0)).with_columns(
        pl.lit(1, pl.UInt32).alias(PLACE)
    )
    with pytest.raises(IndexError):
        applied(totals(("a", 1, 1.0)), [change])
