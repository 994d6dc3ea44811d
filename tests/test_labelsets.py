"""Label sets: equal ones share an id, different ones never do."""

from collections.abc import Sequence

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from pipeline.labelsets import LabelSets, Sharing
from pipeline.stage import Family, Kind

Row = tuple[str, ...]


def frame(labels: Sequence[str], rows: Sequence[Row]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=dict.fromkeys(labels, pl.String), orient="row")


def test_ids_are_places_in_the_order_of_first_sight() -> None:
    sets = LabelSets(("a", "b"))
    assert sets.ids(frame("ab", [("x", "y"), ("x", ""), ("x", "y")])).to_list() == [0, 1, 0]
    assert sets.ids(frame("ab", [("", "x"), ("x", "")])).to_list() == [2, 1]
    ids = pl.Series([2, 0], dtype=pl.UInt32)
    assert sets.frame(ids).rows() == [("", "x"), ("x", "y")]
    assert len(sets) == 3


def test_a_family_without_labels_has_one_set() -> None:
    sets = LabelSets(())
    assert sets.ids(pl.DataFrame({":value": [1.0, 2.0]})).to_list() == [0, 0]
    assert len(sets) == 1


def test_labels_that_contain_the_separator_are_told_apart() -> None:
    sets = LabelSets(("a", "b"))
    rows = [("x\x1fy", "z"), ("x", "y\x1fz"), ("x", "z"), ("x\x1fy", "z")]
    ids = sets.ids(frame("ab", rows))
    assert ids.to_list() == [1, 2, 0, 1]
    assert sets.frame(ids).rows() == rows
    assert sets.ids(frame("ab", rows[1:2])).to_list() == [2]


_TEXTS = st.sampled_from(["", "x", "y", "\x1f", "x\x1f", "\x1fy", "x\x1fy", "ü\n"])


@given(st.lists(st.lists(st.tuples(_TEXTS, _TEXTS, _TEXTS), max_size=6), max_size=6))
def test_the_frame_gives_back_what_was_looked_up(batches: list[list[Row]]) -> None:
    sets = LabelSets("abc")
    known: dict[Row, int] = {}
    for rows in batches:
        ids = sets.ids(frame("abc", rows))
        assert sets.frame(ids).rows() == rows
        for row, number in zip(rows, ids, strict=True):
            assert known.setdefault(row, number) == number
    assert sorted(known.values()) == list(range(len(sets)))


def test_families_share_their_sets_while_someone_holds_them() -> None:
    sharing, flows = Sharing(), Family("flows", Kind.COUNTER, ("a",))
    held = sharing.of(flows)
    assert sharing.of(flows) is held
    assert sharing.of(Family("flows", Kind.COUNTER, ("a", "b"))) is not held
