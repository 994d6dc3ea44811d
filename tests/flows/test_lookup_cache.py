"""One lookup per distinct text."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import limits
from pipeline.flows.lookup_cache import PLACE, SINCE, LookupCache


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
    memo = LookupCache(lookup)
    assert memo.get(series("ab", None, "zz", "ab", "c"))["size"].to_list() == [2, None, None, 2, 1]
    assert memo.get(series("c", "", "zz", "ab"))["head"].to_list() == ["c", "", None, "a"]
    assert sorted(lookup.asked) == ["", "ab", "c", "zz"]


def test_columns_can_be_chosen() -> None:
    memo = LookupCache(Lengths())
    assert memo.get(series("ab"), ["head"]).to_dicts() == [{"head": "a"}]


def test_nulls_and_empty_batches_keep_the_schema() -> None:
    memo = LookupCache(Lengths())
    assert memo.get(series()).schema == {"size": pl.Int64, "head": pl.String}
    assert memo.get(series(None, None)).rows() == [(None, None), (None, None)]


def test_forget_asks_again() -> None:
    lookup = Lengths()
    memo = LookupCache(lookup)
    memo.get(series("ab"))
    lookup.add = 10
    assert memo.get(series("ab"))["size"].to_list() == [2]
    memo.forget()
    assert memo.get(series("ab"))["size"].to_list() == [12]
    assert lookup.asked == ["ab", "ab"]


def test_starts_over_above_the_limit() -> None:
    lookup = Lengths()
    memo = LookupCache(lookup, limit=3)
    for _ in range(2):
        assert memo.get(series("a", "bb", "ccc", "dddd"))["size"].to_list() == [1, 2, 3, 4]
    assert len(lookup.asked) == 8
    assert any("more than 3 different addresses" in text for text in limits.in_effect())
    assert memo.get(series("a"))["size"].to_list() == [1]


def test_two_memos_do_not_share_ids() -> None:
    first, second = LookupCache(Lengths()), LookupCache(Lengths())
    first.get(series("x", "yy"))
    assert second.get(series("yy", "x"))["size"].to_list() == [2, 1]


def test_a_lookup_that_fails_leaves_nothing_behind() -> None:
    lookup = Lengths()

    def fragile(texts: pl.Series) -> pl.DataFrame:
        if "bad" in texts and not lookup.add:
            raise ValueError("bad")
        return lookup(texts)

    memo = LookupCache(fragile)
    memo.get(series("old"))
    with pytest.raises(ValueError, match="bad"):
        memo.get(series("one", "bad", "three"))
    assert memo.get(series("three", "old"))["size"].to_list() == [5, 3]
    with pytest.raises(ValueError, match="bad"):
        memo.get(series("bad"))
    lookup.add = 10
    assert memo.get(series("one", "bad"))["size"].to_list() == [13, 13]


TEXTS = st.lists(st.one_of(st.none(), st.text(alphabet="abz", max_size=3)), max_size=20)


@pytest.mark.parametrize("limit", [2, 1000])
@given(batches=st.lists(TEXTS, max_size=5))
def test_answers_do_not_depend_on_what_came_before(
    limit: int, batches: list[list[str | None]]
) -> None:
    memo = LookupCache(Lengths(), limit=limit)
    for batch in batches:
        expected = [None if text is None or "z" in text else len(text) for text in batch]
        assert memo.get(series(*batch))["size"].to_list() == expected


class Timed:
    """A lookup with several answers: `a3` was a0 until 10, a1 until 20, and is a2."""

    def __init__(self) -> None:
        self.suffix = ""

    def __call__(self, texts: pl.Series) -> pl.DataFrame:
        found = [
            (place, 10 * number, f"{text[0]}{number}{self.suffix}")
            for place, text in enumerate(texts)
            for number in range(int(text[1:]))
        ]
        schema = {PLACE: pl.UInt32, SINCE: pl.Int64, "who": pl.String}
        return pl.DataFrame(found, schema=schema, orient="row")


def test_the_answer_of_a_time() -> None:
    memo = LookupCache(Timed())
    texts = series("a3", "a3", "a3", "a3", "b1", "c0", None, "a3")
    at = pl.Series([5, 10, 19, 99, 5, 5, 5, None], dtype=pl.Int64)
    expected = ["a0", "a1", "a1", "a2", "b0", None, None, "a2"]
    for _ in range(2):
        assert memo.get(texts, at=at)["who"].to_list() == expected
    assert memo.get(texts)["who"].to_list() == ["a2"] * 4 + ["b0", None, None, "a2"]


def test_forget_some() -> None:
    lookup = Timed()
    memo = LookupCache(lookup)
    texts, at = series("a2", "b2", "c0", "b2"), pl.Series([0, 0, 0, 99])
    assert memo.get(texts, at=at)["who"].to_list() == ["a0", "b0", None, "b1"]
    lookup.suffix = "!"
    memo.forget(["b2", "d1"])
    assert memo.get(texts, at=at)["who"].to_list() == ["a0", "b0!", None, "b1!"]
    memo.forget([])
    assert memo.get(series("d1", "a2"))["who"].to_list() == ["d0!", "a1"]


@given(
    rounds=st.lists(
        st.tuples(
            st.lists(st.sampled_from(["a0", "a1", "a2", "b3", "c2"]), max_size=4),
            st.lists(
                st.tuples(
                    st.sampled_from(["a0", "a1", "a2", "b3", "c2", None]), st.integers(-5, 40)
                ),
                max_size=8,
            ),
        ),
        max_size=5,
    )
)
def test_forgetting_changes_no_answer(
    rounds: list[tuple[list[str], list[tuple[str | None, int]]]],
) -> None:
    memo = LookupCache(Timed())
    for forgotten, asked in rounds:
        memo.forget(forgotten)
        at = pl.Series([when for _, when in asked], dtype=pl.Int64)
        expected = [
            None
            if text is None or text.endswith("0")
            else f"{text[0]}{min(max(when, 0) // 10, int(text[1:]) - 1)}"
            for text, when in asked
        ]
        assert memo.get(series(*(text for text, _ in asked)), at=at)["who"].to_list() == expected
