"""Integers in no more bytes than they need."""

import polars as pl
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal, assert_series_equal

from pipeline.state.narrow import below, narrow, wide

NUMBERS = st.lists(st.none() | st.integers(-(2**63), 2**63 - 1) | st.integers(-200, 200))


def series(numbers: list[int | None]) -> pl.Series:
    return pl.Series("n", numbers, dtype=pl.Int64)


def test_each_column_has_the_smallest_type() -> None:
    frame = pl.DataFrame(
        {"a": [0, 127], "b": [0, -129], "c": [2**31 - 1, None], "d": [2**31, 0]},
        schema_overrides={"e": pl.Int64},
    ).with_columns(e=pl.lit(None, pl.Int64), f=pl.lit(1.5), g=pl.lit(1, pl.UInt32))
    found = narrow(frame)
    assert found.dtypes == [pl.Int8, pl.Int16, pl.Int32, pl.Int64, pl.Int8, pl.Float64, pl.UInt32]
    assert_frame_equal(wide(found), frame)


@given(st.lists(NUMBERS, min_size=1, max_size=4))
def test_values_stay(parts: list[list[int | None]]) -> None:
    """Whatever types the parts have."""
    whole = below(narrow(series(one).to_frame())["n"] for one in parts)
    assert_series_equal(whole.cast(pl.Int64), pl.concat([series(one) for one in parts]))
    assert whole.n_chunks() == 1


def test_other_columns_stay_as_they_are() -> None:
    texts = pl.Series(["a"]), pl.Series(["b"])
    assert below(texts).to_list() == ["a", "b"]
