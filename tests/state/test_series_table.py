"""A table of series by itself: what is pending, what is admitted, and tables counted apart."""

from __future__ import annotations

from random import Random

import polars as pl
import pytest

from pipeline.stage import VALUE, Family, Kind, Policy, Rule
from pipeline.state import series_table
from pipeline.state.series_table import LAST_COUNTED, OVERFLOW, SeriesTable, columns

COUNTER = Family("flows", Kind.COUNTER, ("a",))
GAUGE = Family("level", Kind.GAUGE, ("a",))


def table(family: Family = COUNTER, limit: int = 0) -> SeriesTable:
    """A table without series."""
    return SeriesTable(family, Policy("stage", max_series_per_metric=limit))


def count(counted: SeriesTable, now: float, **values: float) -> None:
    """Add a delta: a value for each label."""
    rows = pl.DataFrame({"a": list(values), VALUE: list(values.values())})
    counted.add(counted.intern(rows), now)


def values(counted: SeriesTable) -> dict[str, float]:
    """The value of each label."""
    return dict(counted.series().select("a", VALUE).rows())


def test_what_is_pending_shows_after_it_is_merged() -> None:
    counted = table()
    count(counted, 1.0, x=1.0)
    assert values(counted) == {}
    assert counted.compact(None) == 0
    count(counted, 2.0, x=2.0, y=5.0)
    counted.compact(None)
    assert values(counted) == {"x": 3.0, "y": 5.0}
    assert counted.series()[LAST_COUNTED].to_list() == [2.0, 2.0]


def test_merging_waits_for_more_rows_where_there_are_more_series(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(series_table, "_COMPACT_ROWS", 2)
    monkeypatch.setattr(series_table, "_SHARE", 1)
    counted = table()
    count(counted, 1.0, x=1.0, y=1.0)
    assert not counted.due
    count(counted, 1.0, z=1.0)
    assert counted.due
    counted.compact(None)
    count(counted, 1.0, x=1.0, y=1.0, z=1.0)
    assert not counted.due
    count(counted, 1.0, x=1.0)
    assert counted.due


@pytest.mark.parametrize(("room", "limit"), [(2, 0), (None, 2), (5, 2), (2, 5)])
def test_the_smaller_limit_holds_and_sums_stay_exact(room: int | None, limit: int) -> None:
    """Label sets are admitted in the order in which they first came."""
    counted = table(limit=limit)
    count(counted, 1.0, x=1.0, y=2.0, z=3.0, w=4.0)
    assert counted.compact(room) == 2
    assert values(counted) == {"x": 1.0, "y": 2.0, OVERFLOW: 7.0}
    count(counted, 2.0, z=1.0, x=1.0)
    assert counted.compact(0) == 1
    assert values(counted) == {"x": 2.0, "y": 2.0, OVERFLOW: 8.0}


def test_tables_counted_apart_become_one() -> None:
    """Counters are added; of a gauge, the value that was counted last is right."""
    for family, expected in ((COUNTER, 3.0), (GAUGE, 1.0)):
        parts = [table(family), table(family)]
        count(parts[0], 9.0, x=1.0)
        count(parts[1], 5.0, x=2.0, y=4.0)
        for part in parts:
            part.compact(None)
        whole = table(family)
        whole.merge([part.rows for part in parts])
        assert values(whole) == {"x": expected, "y": 4.0}


def test_the_columns_of_a_family() -> None:
    assert list(columns(COUNTER)) == [VALUE, *series_table.TIMES]
    assert table().columns == ["a", VALUE, *series_table.TIMES]


FACTS = Family(
    "facts", None, ("a",), facts=(("sum", Rule.SUM), ("least", Rule.MIN), ("most", Rule.MAX))
)


@pytest.mark.parametrize("many", [0, 1_000])
def test_facts_are_exact_however_they_are_merged(
    many: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Series stay where they are, and what was read before stays as it was."""
    monkeypatch.setattr(series_table, "_MANY_ROWS", many)
    draw, counted, read = Random(1), table(FACTS), []
    wanted: dict[str, list[int]] = {}
    for now in range(20):
        rows = [(f"{draw.randrange(30 + 9 * now)}", draw.randrange(2**40)) for _ in range(50)]
        for name, number in rows:
            wanted.setdefault(name, []).append(number)
        delta = pl.DataFrame(rows, schema=["a", "sum"], orient="row")
        both = [pl.col("sum").alias(name) for name in ("least", "most")]
        counted.add(counted.intern(delta.with_columns(both)), float(now))
        if now % 3 == 2:
            counted.compact(None)
            assert counted.series().select("a", "sum", "least", "most").rows() == [
                (name, sum(all_), min(all_), max(all_)) for name, all_ in wanted.items()
            ]
            read.append((counted.rows, counted.rows.totals.clone().rows()))
    assert all(rows.totals.rows() == before for rows, before in read)
