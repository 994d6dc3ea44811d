"""Rows as numbers."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matrix.numbers import numbers, ranks

ROWS = st.lists(st.tuples(st.sampled_from(["", "a", "b", "ab"]), st.sampled_from([None, 0, 1])))


def frame(rows: list[tuple[str, int | None]]) -> pl.DataFrame:
    return pl.DataFrame(rows, {"text": pl.String(), "port": pl.Int32()}, orient="row")


@given(ROWS)
def test_equal_rows_have_equal_numbers_and_others_do_not(
    rows: list[tuple[str, int | None]],
) -> None:
    """Without gaps, from 0 on."""
    found = numbers(frame(rows)).to_list()
    assert len(set(zip(rows, found, strict=True))) == len(set(rows)) == len(set(found))
    assert set(found) == set(range(len(set(rows))))


@given(ROWS)
def test_ranks_are_in_the_order_of_the_columns(rows: list[tuple[str, int | None]]) -> None:
    """Nulls come first, as in a sort."""
    found = frame(rows)
    wanted = {row: number for number, row in enumerate(found.unique().sort("text", "port").rows())}
    assert ranks(found).to_list() == [wanted[row] for row in rows]


def test_other_hashes_are_taken_where_two_rows_share_one(monkeypatch: pytest.MonkeyPatch) -> None:
    hashed = pl.DataFrame.hash_rows

    def weak(rows: pl.DataFrame, seed: int) -> pl.Series:
        return hashed(rows, seed) % 2 if seed == 0 else hashed(rows, seed)

    monkeypatch.setattr(pl.DataFrame, "hash_rows", weak)
    assert numbers(frame([(text, 1) for text in "abcdefgh"])).n_unique() == 8
