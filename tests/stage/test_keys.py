"""Rows by two hashes of what they have."""

import polars as pl

from pipeline.stage.keys import CHECK, KEY, Keyed, hashed, together

ROWS = pl.DataFrame({"a": ["x", "", None, "x"], "b": [1, 2, 2, 1]})


def test_rows_alike_have_the_same_keys_in_every_batch() -> None:
    keys = hashed(ROWS)
    assert keys.schema == {KEY: pl.UInt64, CHECK: pl.UInt64}
    assert keys.row(0) == keys.row(3)
    assert keys.n_unique() == 3
    assert hashed(ROWS[1:3]).equals(keys[1:3])


def test_names_and_types_of_columns_count() -> None:
    """A text under one name is not the same text under another, nor is a number of another type."""
    others = [ROWS.rename({"a": "c"}), ROWS.cast({"b": pl.Int32}), ROWS.select("b", "a")]
    for other in others:
        assert not set(hashed(other)[KEY]) & set(hashed(ROWS)[KEY])


def keyed(rows: pl.DataFrame) -> Keyed:
    """The labels are `a`, which are addresses, too."""
    return Keyed(
        hashed(rows),
        rows.__getitem__,
        lambda told: told.select("a"),
        lambda told: (hashed(told.select("b")), told.select("a")),
    )


def series(*rows: int) -> pl.Series:
    return pl.Series(rows, dtype=pl.UInt32)


def test_some_of_the_rows() -> None:
    """Rows are asked for by their places among those that were chosen."""
    whole = keyed(ROWS)
    for chosen in (whole.of(series(3, 1)), whole.kept(series(3, 1))):
        assert chosen.keys.equals(whole.keys[[3, 1]])
        told = chosen.told(series(1))
        assert chosen.labels(told).rows() == [("",)]
        keys, addresses = chosen.outside(told)
        assert (keys.row(0), addresses.rows()) == (hashed(ROWS.select("b")).row(1), [("",)])


def test_several_batches_at_once() -> None:
    """Their rows stay in order; those that are told by other columns are not mixed with them."""
    more = ROWS.with_columns(c=pl.lit(1))
    first, second, third = together(map(keyed, (ROWS, ROWS, more, ROWS)))
    assert [part.keys.height for part in (first, second, third)] == [8, 4, 4]
    assert first.keys.equals(pl.concat([hashed(ROWS)] * 2))
    assert first.labels(first.told(series(5, 0)))["a"].to_list() == ["", "x"]
    assert second.told(series(0)).columns == ["a", "b", "c"]
