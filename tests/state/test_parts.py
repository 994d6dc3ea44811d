"""Deltas of many partitions apart, and one again."""

from __future__ import annotations

import numpy as np
import polars as pl

from pipeline.flows.values import PART
from pipeline.stage import FIRST_SEEN, LAST_SEEN, VALUE, Delta, Family, Kind
from pipeline.state import label_sets
from pipeline.state.parts import by_part, interned_by_part, joined
from pipeline.state.series_rows import LAST_COUNTED

FLOWS = Family("flows", Kind.COUNTER, ("ns",))
DELTA = Delta(
    FLOWS,
    pl.DataFrame(
        {
            "ns": ["a", "b", "a", "c"],
            VALUE: [1.0, 2.0, 3.0, 4.0],
            FIRST_SEEN: [7.0, None, 8.0, None],
            LAST_SEEN: [9.0, None, 9.0, None],
            PART: pl.Series([2, 0, 0, 2], dtype=pl.UInt32),
        }
    ),
)


def test_a_delta_is_told_apart() -> None:
    """In the order of its rows; parts that nothing is of are left out."""
    found = {part: one.series.drop(FIRST_SEEN, LAST_SEEN).rows() for part, one in by_part(DELTA)}
    assert found == {2: [("a", 1.0), ("c", 4.0)], 0: [("b", 2.0), ("a", 3.0)]}
    assert list(by_part(Delta(FLOWS, DELTA.series.drop(PART).clear()))) == []


def test_label_sets_are_looked_up_once_for_all_parts() -> None:
    """Each part has its own moment, which is also the time of flows that say none."""
    sets = label_sets.new(FLOWS)
    found = dict(interned_by_part(DELTA, sets, np.array([100.0, 101.0, 102.0])))
    rows = {part: sets.frame(one.values[":id"]).hstack(one.values).drop(":id").rows()
            for part, one in found.items()}  # fmt: skip
    assert rows == {
        0: [("b", 2.0, 100.0, 100.0, 100.0), ("a", 3.0, 8.0, 9.0, 100.0)],
        2: [("a", 1.0, 7.0, 9.0, 102.0), ("c", 4.0, 102.0, 102.0, 102.0)],
    }
    assert len(sets) == 3
    assert found[0].values.columns == [":id", VALUE, FIRST_SEEN, LAST_SEEN, LAST_COUNTED]
    empty = Delta(FLOWS, DELTA.series.clear())
    assert list(interned_by_part(empty, sets, np.array([1.0]))) == []


def test_deltas_of_one_family_are_joined() -> None:
    """Those of other families, or by the ids of other label sets, stay apart."""
    one, other = label_sets.new(FLOWS), label_sets.new(FLOWS)
    parts = [
        delta
        for sets in (one, other)
        for _, delta in interned_by_part(DELTA, sets, np.array([1.0, 1.0, 1.0]))
    ]
    found = joined(parts)
    assert [delta.sets for delta in found] == [one, other]
    assert [delta.values[VALUE].to_list() for delta in found] == [[2.0, 3.0, 1.0, 4.0]] * 2
