"""Rows of facts as one, compared with what Polars makes of them."""

from __future__ import annotations

import polars as pl
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from pipeline.stage import Family, Rule
from pipeline.stage.days import SECONDS
from pipeline.state.reduction import reduced

NAMES = {"sum": Rule.SUM, "least": Rule.MIN, "most": Rule.MAX, "days": Rule.DAYS}
FACTS = Family("facts", None, ("a",), facts=tuple(NAMES.items()))
TIMES = {":first_seen": Rule.MIN, ":last_seen": Rule.MAX}
NUMBERS = st.none() | st.sampled_from([0, 0, 0, 7, -3, 2**40])
ROWS = st.tuples(st.integers(0, 4), NUMBERS, NUMBERS, NUMBERS, st.none() | st.integers(0, 62))


def frame(rows: list[tuple[int | None, ...]]) -> pl.DataFrame:
    schema = {"id": pl.UInt32(), **dict.fromkeys(NAMES, pl.Int64())}
    found = pl.DataFrame(rows, schema=schema, orient="row")
    times = pl.int_range(pl.len()).cast(pl.Float64) % 5
    return found.with_columns(
        pl.lit(2).pow("days").cast(pl.Int64).alias("days"),
        times.alias(":first_seen"),
        (times + 1).alias(":last_seen"),
    )


@given(st.lists(ROWS, min_size=1, max_size=12))
def test_it_is_what_a_group_by_gives(rows: list[tuple[int | None, ...]]) -> None:
    """Also for columns with one value, or with none; keys stay in the order they came in."""
    whole = frame(rows)
    wanted = whole.group_by("id", maintain_order=True).agg(
        pl.col("sum").sum(),
        pl.col("least").min(),
        pl.col("most").max(),
        pl.col("days").bitwise_or(),
        pl.col(":first_seen").min(),
        pl.col(":last_seen").max(),
    )
    assert_frame_equal(reduced(FACTS, whole, "id", TIMES), wanted)


def test_days_are_forgotten() -> None:
    """Ten weeks later the same bit is another day."""
    rows = frame([(1, 1, 1, 1, 5), (1, 1, 1, 1, 6)]).with_columns(
        pl.Series(":first_seen", [5.0 * SECONDS, (70 + 5.0) * SECONDS]),
        pl.Series(":last_seen", [5.0 * SECONDS, (70 + 5.0) * SECONDS]),
    )
    assert reduced(FACTS, rows, "id", TIMES)["days"].to_list() == [1 << 6]
