"""Label sets: equal ones share an id, different ones never do."""

from collections.abc import Sequence

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.stage import Family, Kind
from pipeline.state import label_sets
from pipeline.state.label_sets import InternerPool, LabelInterner

Row = tuple[str, ...]


def frame(labels: Sequence[str], rows: Sequence[Row]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=dict.fromkeys(labels, pl.String), orient="row")


def test_ids_are_places_in_the_order_of_first_sight() -> None:
    sets = LabelInterner(("a", "b"))
    assert sets.ids(frame("ab", [("x", "y"), ("x", ""), ("x", "y")])).to_list() == [0, 1, 0]
    assert sets.ids(frame("ab", [("", "x"), ("x", "")])).to_list() == [2, 1]
    ids = pl.Series([2, 0], dtype=pl.UInt32)
    assert sets.frame(ids).rows() == [("", "x"), ("x", "y")]
    assert len(sets) == 3


def test_labels_with_a_value_that_matches() -> None:
    """Those of parts too, and values that only an earlier batch had."""
    sets = LabelInterner(("a", "b", "c", "d"), parts=(("b", "c"),))
    assert sets.labels_with('"') == set()
    sets.ids(frame("abcd", [("x", "y", 'say "z"', "w"), ('"', "y", "z", "w")]))
    sets.ids(frame("abcd", [("x", "y", "z", "w")]))
    assert sets.labels_with('"') == {"a", "c"}
    assert sets.labels_with("[yw]") == {"b", "c", "d"}


def test_a_family_without_labels_has_one_set() -> None:
    sets = LabelInterner(())
    assert sets.ids(pl.DataFrame({":value": [1.0, 2.0]})).to_list() == [0, 0]
    assert len(sets) == 1


def test_sets_of_one_hash_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    seeds: list[int] = []

    def weak(rows: pl.DataFrame, seed: int) -> pl.Series:
        """Few hashes for the first seeds that look up, and that look up anew."""
        if seed not in seeds:
            seeds.append(seed)
        whole = rows.hash_rows(seed=seed)
        return whole % 2 if seeds.index(seed) in {0, 2} else whole

    monkeypatch.setattr(label_sets, "_hashes", weak)
    sets = LabelInterner(("a", "b"))
    rows = [("x", str(number)) for number in range(5)]
    assert sets.ids(frame("ab", rows[:1])).to_list() == [0]
    assert sets.ids(frame("ab", rows)).to_list()[0] == 0
    assert len(seeds) > 2, "hashed anew"
    ids = sets.ids(frame("ab", rows))
    assert sorted(ids) == [0, 1, 2, 3, 4]
    assert sets.frame(ids).rows() == rows


_TEXTS = st.sampled_from(["", "x", "y", "xy", "ü\n"])


_PARTS = ["", "c", "ca", "abc"]


@given(
    st.lists(st.lists(st.tuples(_TEXTS, _TEXTS, _TEXTS), max_size=6), max_size=6),
    st.sampled_from(_PARTS),
)
def test_the_frame_gives_back_what_was_looked_up(batches: list[list[Row]], part: str) -> None:
    """Whatever labels are kept together."""
    sets = LabelInterner("abc", [part] if part else [])
    known: dict[Row, int] = {}
    for rows in batches:
        ids = sets.ids(frame("abc", rows))
        assert sets.frame(ids).rows() == rows
        for row, number in zip(rows, ids, strict=True):
            assert known.setdefault(row, number) == number
    assert sorted(known.values()) == list(range(len(sets)))


def test_families_share_their_sets_while_someone_holds_them() -> None:
    sharing, flows = InternerPool(), Family("flows", Kind.COUNTER, ("a",))
    held = sharing.of(flows)
    assert sharing.of(flows) is held
    assert sharing.of(Family("flows", Kind.COUNTER, ("a", "b"))) is not held
