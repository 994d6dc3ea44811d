"""One lookup per distinct text."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.memo import Memo


class Lengths:
    """A lookup that counts: length and first letter of a text, nothing for texts with a `z`."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.add = 0

    def __call__(self, texts: pl.Series) -> pl.DataFrame:
        self.asked += texts.to_list()
        found = [None if "z" in text else len(text) + self.add for text in texts]
        heads = [None if "z" in text else text[:1] for text in texts]
        return pl.DataFrame(
            [pl.Series("size", found, dtype=pl.Int64), pl.Series("head", heads, dtype=pl.String)]
        )


def series(*texts: str | None) -> pl.Series:
    return pl.Series(texts, dtype=pl.String)


def test_each_text_is_looked_up_once() -> None:
    lookup = Lengths()
    memo = Memo(lookup)
    assert memo.get(series("ab", None, "zz", "ab", "c"))["size"].to_list() == [2, None, None, 2, 1]
    assert memo.get(series("c", "", "zz", "ab"))["head"].to_list() == ["c", "", None, "a"]
    assert sorted(lookup.asked) == ["", "ab", "c", "zz"]


def test_columns_can_be_chosen() -> None:
    memo = Memo(Lengths())
    assert memo.get(series("ab"), ["head"]).to_dicts() == [{"head": "a"}]


def test_nulls_and_empty_batches_keep_the_schema() -> None:
    memo = Memo(Lengths())
    assert memo.get(series()).schema == {"size": pl.Int64, "head": pl.String}
    assert memo.get(series(None, None)).rows() == [(None, None), (None, None)]


def test_forget_asks_again() -> None:
    lookup = Lengths()
    memo = Memo(lookup)
    memo.get(series("ab"))
    lookup.add = 10
    assert memo.get(series("ab"))["size"].to_list() == [2]
    memo.forget()
    assert memo.get(series("ab"))["size"].to_list() == [12]
    assert lookup.asked == ["ab", "ab"]


def test_starts_over_above_the_limit() -> None:
    lookup = Lengths()
    memo = Memo(lookup, limit=3)
    for _ in range(2):
        assert memo.get(series("a", "bb", "ccc", "dddd"))["size"].to_list() == [1, 2, 3, 4]
    assert len(lookup.asked) == 8
    assert memo.get(series("a"))["size"].to_list() == [1]


def test_two_memos_do_not_share_ids() -> None:
    first, second = Memo(Lengths()), Memo(Lengths())
    first.get(series("x", "yy"))
    assert second.get(series("yy", "x"))["size"].to_list() == [2, 1]


TEXTS = st.lists(st.one_of(st.none(), st.text(alphabet="abz", max_size=3)), max_size=20)


@pytest.mark.parametrize("limit", [2, 1000])
@given(batches=st.lists(TEXTS, max_size=5))
def test_answers_do_not_depend_on_what_came_before(
    limit: int, batches: list[list[str | None]]
) -> None:
    memo = Memo(Lengths(), limit=limit)
    for batch in batches:
        expected = [None if text is None or "z" in text else len(text) for text in batch]
        assert memo.get(series(*batch))["size"].to_list() == expected
