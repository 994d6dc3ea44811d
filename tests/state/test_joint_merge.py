"""Tables that are merged together have what each has when it is merged by itself."""

from __future__ import annotations

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from pipeline.stage import FIRST_SEEN, LAST_SEEN, Delta, Family, Kind, Policy, Rule
from pipeline.state import label_sets
from pipeline.state.joint_merge import merge_together
from pipeline.state.series_table import SeriesTable

FACTS = (("sum", Rule.SUM), ("least", Rule.MIN), ("most", Rule.MAX), ("days", Rule.DAYS))
FAMILIES = [
    Family("counter", Kind.COUNTER, ("a",)),
    Family("gauge", Kind.GAUGE, ("a", "b"), parts=(("a", "b"),)),
    Family("histogram", Kind.HISTOGRAM, ("a",), buckets=(1.0, 2.0)),
    Family("plain", Kind.COUNTER, ()),
    Family("facts", None, ("a",), facts=FACTS),
]
ROUNDS = st.lists(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4), st.integers(0, 9)), max_size=8),
    max_size=5,
)
"""Of each round the rows: a table, a label set, a value."""


def delta(family: Family, key: int, value: int) -> Delta:
    labels = {label: [f"{label}{key}"] for label in family.labels}
    known = None if family.kind is None and value > 5 else 2**value
    values = {name: [known] for name in family.columns}
    schema = dict.fromkeys(family.labels, pl.String()) | {
        name: column.dtype for name, column in family.columns.items()
    }
    times: dict[str, list[float | None]] = {
        FIRST_SEEN: [None if value % 3 else value * 4e6],
        LAST_SEEN: [None if value % 3 else value * 4e6],
    }
    schema |= dict.fromkeys(times, pl.Float64())
    return Delta(family, pl.DataFrame({**labels, **values, **times}, schema=schema))


@given(st.sampled_from(FAMILIES), ROUNDS, st.none() | st.integers(0, 3))
def test_it_is_what_each_merges_alone(
    family: Family, rounds: list[list[tuple[int, int, int]]], room: int | None
) -> None:
    """Series, their order, what is beyond a limit; also of a table with an interner of its own."""
    sets = label_sets.new(family)
    alone, joint = (
        [SeriesTable(family, Policy("g"), sets if n else None) for n in range(4)] for _ in range(2)
    )
    for now, rows in enumerate(rounds):
        for number, key, value in rows:
            for tables in (alone, joint):
                one, _ = tables[number].intern(delta(family, key, value), float(now))
                tables[number].add(one)
        merge_together(joint)
        beyond = [[table.compact(room) for table in tables] for tables in (alone, joint)]
        assert beyond[0] == beyond[1]
        for one_table, other in zip(alone, joint, strict=True):
            assert other.series().equals(one_table.series())
            assert other.rows.totals.schema == one_table.rows.totals.schema
            assert other.rows.edition == one_table.rows.edition


def test_what_comes_after_it_is_not_lost() -> None:
    """A table that was merged, and then takes another delta, is merged anew."""
    family = FAMILIES[0]
    sets = label_sets.new(family)
    tables = [SeriesTable(family, Policy("g"), sets) for _ in range(2)]
    for table in tables:
        table.add(table.intern(delta(family, 1, 0), 1.0)[0])
    merge_together(tables)
    tables[0].add(tables[0].intern(delta(family, 1, 1), 2.0)[0])
    found = [(table.compact(None), table.series()[":value"].to_list()) for table in tables]
    assert found == [(0, [3.0]), (0, [1.0])]
