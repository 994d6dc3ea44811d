"""A table of series by itself: what is pending, what is admitted, and tables counted apart."""

from __future__ import annotations

from random import Random

import polars as pl
import pytest

from pipeline.stage import VALUE, Delta, Family, Kind, Policy, Rule
from pipeline.stage.keys import Keyed, hashed
from pipeline.state import series_rows, series_table
from pipeline.state.series_rows import LAST_COUNTED, OVERFLOW, TIMES
from pipeline.state.series_table import SeriesTable

COUNTER = Family("flows", Kind.COUNTER, ("a",))
GAUGE = Family("level", Kind.GAUGE, ("a",))


def table(family: Family = COUNTER, limit: int = 0) -> SeriesTable:
    """A table without series."""
    return SeriesTable(family, Policy("stage", max_series_per_metric=limit))


def count(counted: SeriesTable, now: float, **values: float) -> None:
    """Add a delta: a value for each label."""
    rows = pl.DataFrame({"a": list(values), VALUE: list(values.values())})
    counted.add(counted.intern(Delta(counted.family, rows), now)[0])


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


def test_a_table_finds_its_series_whatever_the_order_of_their_ids() -> None:
    """Another table had the label sets first, in another order; series come, go, and are taken."""
    names, draw, first = [f"n{number}" for number in range(500)], Random(1), table()
    count(first, 1.0, **dict.fromkeys(names, 1.0))
    policy = Policy("stage", retention=50.0)
    counted = SeriesTable(COUNTER, policy, first.rows.sets)
    expected: dict[str, float] = {}
    for turn in range(1, 13):
        some = dict.fromkeys(draw.sample(names[: turn * 40], 30), float(turn))
        count(counted, float(turn), **some)
        counted.compact(None)
        expected = {name: expected.get(name, 0.0) + some.get(name, 0.0) for name in expected | some}
        assert values(counted) == expected
    count(counted, 500.0, n1=1.0, n499=2.0)
    counted.compact(None)
    assert values(counted) == {"n1": expected.get("n1", 0.0) + 1.0, "n499": 2.0}
    saved = pl.DataFrame({"a": ["x", "n1"], VALUE: [5.0, 7.0]}).with_columns(
        pl.lit(500.0).alias(time) for time in TIMES
    )
    counted.take([saved], saved.clear())
    count(counted, 501.0, n1=1.0, x=1.0)
    counted.compact(None)
    assert values(counted) == {"x": 6.0, "n1": 8.0}


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


FACTS = Family(
    "facts", None, ("a",), facts=(("sum", Rule.SUM), ("least", Rule.MIN), ("most", Rule.MAX))
)


@pytest.mark.parametrize("many", [0, 1_000])
def test_facts_are_exact_however_they_are_merged(
    many: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Series stay where they are, and what was read before stays as it was."""
    monkeypatch.setattr(series_rows, "_MANY_ROWS", many)
    draw, counted, read = Random(1), table(FACTS), []
    wanted: dict[str, list[int]] = {}
    for now in range(20):
        rows = [(f"{draw.randrange(30 + 9 * now)}", draw.randrange(2**40)) for _ in range(50)]
        for name, number in rows:
            wanted.setdefault(name, []).append(number)
        delta = pl.DataFrame(rows, schema=["a", "sum"], orient="row")
        both = [pl.col("sum").alias(name) for name in ("least", "most")]
        counted.add(counted.intern(Delta(FACTS, delta.with_columns(both)), float(now))[0])
        if now % 3 == 2:
            counted.compact(None)
            assert counted.series().select("a", "sum", "least", "most").rows() == [
                (name, sum(all_), min(all_), max(all_)) for name, all_ in wanted.items()
            ]
            read.append((counted.rows, counted.rows.totals.clone().rows()))
    assert all(rows.totals.rows() == before for rows, before in read)


def count_keyed(counted: SeriesTable, now: float, *names: str) -> None:
    """Add a 1 for each label, which is known by its key."""
    labels, ones = pl.DataFrame({"a": names}), [1] * len(names)
    told = Keyed(hashed(labels), labels.__getitem__, pl.DataFrame.clone, lambda t: (t, t.clear()))
    delta = Delta(FACTS, pl.DataFrame(dict.fromkeys(("sum", "least", "most"), ones)), told)
    counted.add(counted.intern(delta, now)[0])


@pytest.mark.parametrize("each", [True, False], ids=["batch by batch", "several batches"])
def test_new_keys_are_resolved_before_a_merge(*, each: bool) -> None:
    """Series are admitted in the order in which they came first, in whatever batch."""
    counted = table(FACTS, limit=3)
    for now, names in enumerate(("xyx", "yz", "xvwv")):
        count_keyed(counted, now, *names)
        if each:
            assert counted.resolve() == 0
            assert counted.unresolved == 0
    assert counted.unresolved == (0 if each else 9)
    assert counted.resolve() == 0
    assert counted.compact(None) == 2
    rows = counted.series().select("a", "sum", LAST_COUNTED).rows()
    assert rows == [("x", 3, 2.0), ("y", 2, 1.0), ("z", 1, 1.0), (OVERFLOW, 3, 2.0)]
    count_keyed(counted, 3.0, "z")
    assert counted.unresolved == 0, "it is known"
