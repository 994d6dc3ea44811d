"""Rows of series: their columns, how they become one, and where those of an id stand."""

from __future__ import annotations

import numpy as np
import polars as pl

from pipeline.stage import VALUE, Delta, Family, Kind
from pipeline.state import label_sets
from pipeline.state.label_sets import ID
from pipeline.state.series_rows import TIMES, Order, Rows, by_ids, columns, merged, no_rows, updated

COUNTER = Family("flows", Kind.COUNTER, ("a",))


def rows(**values: float) -> pl.DataFrame:
    """Rows of ids (a0 is id 0) that were counted when their value says."""
    return pl.DataFrame(
        {ID: [int(name[1:]) for name in values], VALUE: list(values.values())},
        schema_overrides={ID: pl.UInt32},
    ).with_columns(pl.col(VALUE).alias(time) for time in TIMES)


def test_the_columns_of_a_family() -> None:
    empty = no_rows(COUNTER, label_sets.new(COUNTER))
    assert list(columns(COUNTER)) == [VALUE, *TIMES]
    assert empty.totals.columns == empty.overflow.columns == [ID, VALUE, *TIMES]
    assert empty.size == 0


def test_rows_of_one_key_become_one_in_the_order_they_came() -> None:
    found = merged(COUNTER, pl.concat([rows(a2=3.0, a1=5.0), rows(a2=4.0)]), [ID])
    assert found.rows() == [(2, 7.0, 3.0, 4.0, 4.0), (1, 5.0, 5.0, 5.0, 5.0)]
    assert merged(COUNTER, rows(a2=3.0, a1=5.0), []).rows() == [(8.0, 3.0, 5.0, 5.0)]


def test_flows_without_a_time_were_there_when_they_were_counted() -> None:
    delta = Delta(COUNTER, pl.DataFrame({"a": ["x", "y"], VALUE: [1.0, 2.0]}))
    ids = pl.Series([7, 8], dtype=pl.UInt32)
    assert by_ids(delta, ids, pl.lit(9.0)).rows() == [(7, 1.0, *[9.0] * 3), (8, 2.0, *[9.0] * 3)]


def test_totals_with_rows_in_a_new_form_and_more_behind() -> None:
    places = pl.Series([0, 2], dtype=pl.UInt32)
    found = updated(rows(a5=1.0, a6=2.0, a7=3.0), places, rows(a5=4.0, a7=5.0), rows(a1=6.0))
    assert found.equals(rows(a5=4.0, a6=2.0, a7=5.0, a1=6.0))


def test_totals_with_nothing_but_more_behind() -> None:
    nowhere = pl.Series([], dtype=pl.UInt32)
    found = updated(rows(a5=1.0), nowhere, rows(a5=1.0).clear(), rows(a7=6.0, a1=2.0))
    assert found.equals(rows(a5=1.0, a7=6.0, a1=2.0))


def test_where_the_rows_of_ids_stand() -> None:
    """Whatever their order; it is looked at anew when there are more of them, or other ones."""
    sets = label_sets.new(COUNTER)
    some = Rows(sets, rows(a9=1.0, a3=1.0, a5=1.0), rows())
    order = Order.of(some, None)
    assert order.find(np.array([3, 4, 9, 5], np.uint32)).tolist() == [1, -1, 0, 2]
    assert Order.of(some._replace(totals=rows(a9=2.0, a3=2.0, a5=2.0)), order) is order
    more = some._replace(totals=pl.concat([some.totals, rows(a4=1.0)]))
    assert Order.of(more, order).find(np.array([4], np.uint32)).tolist() == [3]
    moved = some._replace(totals=rows(a3=1.0, a5=1.0, a9=1.0), edition=1)
    assert Order.of(moved, order).find(np.array([3, 9], np.uint32)).tolist() == [0, 2]
    nothing = Order.of(no_rows(COUNTER, sets), order)
    assert nothing.find(np.array([3], np.uint32)).tolist() == [-1]
