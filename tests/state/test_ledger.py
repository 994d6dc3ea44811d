"""The ledger: totals, limits with an exact overflow, expiry that keeps totals."""

import itertools
import logging

import msgspec
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.stage import (
    COUNT,
    FIRST_SEEN,
    LAST_SEEN,
    SUM,
    VALUE,
    Delta,
    Family,
    Kind,
    Policy,
    bucket,
)
from pipeline.state import ledger as ledgers
from pipeline.state.label_sets import InternerPool
from pipeline.state.ledger import LAST_COUNTED, OVERFLOW, Ledger

COUNTER = Family("flows", Kind.COUNTER, ("a", "b"))
GAUGE = Family("level", Kind.GAUGE, ("a",))


def delta(family: Family, *rows: tuple[object, ...]) -> Delta:
    columns = [*family.labels, VALUE]
    schema = {c: pl.Float64() if c == VALUE else pl.String() for c in columns}
    return Delta(family, pl.DataFrame(rows, schema=schema, orient="row"))


def new(family: Family, policy: Policy | None = None, max_series: int = 0) -> Ledger:
    return Ledger({family.name: (family, policy or Policy("stage"))}, max_series)


def totals(ledger: Ledger, index: int = 0) -> dict[tuple[str, ...], float]:
    table = ledger.tables()[index]
    rows = table.series().select(*table.labels, VALUE).rows()
    return {tuple(row[:-1]): row[-1] for row in rows}


def test_deltas_add_up_and_times_are_kept() -> None:
    ledger = new(COUNTER)
    ledger.merge([delta(COUNTER, ("x", "y", 1.0), ("x", "z", 2.0))], 10.0)
    ledger.merge([delta(COUNTER, ("x", "y", 5.0))], 20.0)
    assert totals(ledger) == {("x", "y"): 6.0, ("x", "z"): 2.0}
    series = ledger.tables()[0].series()
    assert series[FIRST_SEEN].to_list() == [10.0, 10.0]
    assert series[LAST_SEEN].to_list() == [20.0, 10.0]
    assert series[LAST_COUNTED].to_list() == [20.0, 10.0]


def test_times_are_those_of_the_flows() -> None:
    """They may come in any order; flows without one have the time they were counted at."""

    def seen(first: float | None, last: float | None, label: str = "x") -> Delta:
        columns = {"a": [label], "b": [""], VALUE: [1.0], FIRST_SEEN: [first], LAST_SEEN: [last]}
        return Delta(COUNTER, pl.DataFrame(columns).cast({FIRST_SEEN: pl.Float64}))

    ledger = new(COUNTER)
    ledger.merge([seen(5.0, 7.0), seen(None, None, "y")], 100.0)
    ledger.merge([seen(2.0, 6.0)], 200.0)
    times = ledger.tables()[0].series().select("a", FIRST_SEEN, LAST_SEEN, LAST_COUNTED)
    assert times.rows() == [("x", 2.0, 7.0, 200.0), ("y", 100.0, 100.0, 100.0)]


def test_idle_is_what_was_not_counted_for_long() -> None:
    """Not what has old flows: a recording of last year is exposed while it is counted."""
    ledger = new(COUNTER, Policy("stage", expiry=50.0))
    old = pl.DataFrame({"a": ["x"], "b": [""], VALUE: [1.0], FIRST_SEEN: [1.0], LAST_SEEN: [1.0]})
    ledger.merge([Delta(COUNTER, old)], 1000.0)
    [table] = ledger.tables()
    assert (table.shown(1050.0), table.shown(1051.0)) == (1, 0)


def test_a_gauge_keeps_its_last_value() -> None:
    ledger = new(GAUGE)
    ledger.merge([delta(GAUGE, ("x", 7.0))], 1.0)
    ledger.merge([delta(GAUGE, ("x", 3.0))], 2.0)
    assert totals(ledger) == {("x",): 3.0}


def test_a_histogram_adds_every_column() -> None:
    family = Family("h", Kind.HISTOGRAM, (), buckets=(1.0,))
    rows = pl.DataFrame({COUNT: [2], SUM: [3.5], bucket(0): [1], bucket(1): [1]})
    ledger = new(family)
    ledger.merge([Delta(family, rows), Delta(family, rows)], 1.0)
    assert ledger.tables()[0].series().row(0) == (4, 7.0, 2, 2, 1.0, 1.0, 1.0)


def test_beyond_the_limit_one_series_keeps_the_total_exact(
    caplog: pytest.LogCaptureFixture,
) -> None:
    ledger = new(COUNTER, Policy("stage", max_series_per_metric=2))
    with caplog.at_level(logging.WARNING):
        ledger.merge([delta(COUNTER, *((str(i), "", 1.0) for i in range(5)))], 1.0)
        assert totals(ledger) == {("0", ""): 1.0, ("1", ""): 1.0, (OVERFLOW, OVERFLOW): 3.0}
    ledger.merge([delta(COUNTER, ("0", "", 1.0), ("9", "", 4.0))], 2.0)
    assert totals(ledger) == {("0", ""): 2.0, ("1", ""): 1.0, (OVERFLOW, OVERFLOW): 7.0}
    assert ledger.overflowed == {"flows": 4}
    assert [record.getMessage() for record in caplog.records] == [
        "metric flows is at its series limit: new label sets go to __overflow__"
    ]


@pytest.mark.parametrize("by_group", [True, False])
def test_a_limit_over_several_metrics(*, by_group: bool) -> None:
    policy = Policy("stage", max_series=3 if by_group else 0)
    other = Family("other", Kind.COUNTER, ("a", "b"))
    ledger = Ledger(
        {COUNTER.name: (COUNTER, policy), other.name: (other, policy)},
        0 if by_group else 3,
    )
    rows = [("1", "", 1.0), ("2", "", 1.0)]
    ledger.merge([delta(COUNTER, *rows), delta(other, *rows)], 1.0)
    assert sum(table.rows.totals.height for table in ledger.tables()) == 3
    assert sum(sum(totals(ledger, i).values()) for i in (0, 1)) == 4.0


def test_expiry_hides_and_keeps() -> None:
    ledger = new(COUNTER, Policy("stage", expiry=120.0))
    ledger.merge([delta(COUNTER, ("x", "", 20.0))], 0.0)
    table = ledger.tables()[0]
    assert table.exposed(120.0).height == 1
    assert table.exposed(121.0).height == 0
    ledger.merge([delta(COUNTER, ("x", "", 1.0))], 500.0)
    assert ledger.tables()[0].exposed(501.0)[VALUE].to_list() == [21.0]


@given(
    st.lists(
        st.tuples(st.sampled_from("abcdef"), st.sampled_from("xy"), st.integers(1, 9)), max_size=40
    ),
    st.lists(st.integers(0, 40), max_size=5),
    st.integers(0, 6),
)
def test_splitting_into_batches_changes_nothing(
    rows: list[tuple[str, str, int]], cuts: list[int], limit: int
) -> None:
    policy = Policy("stage", max_series_per_metric=limit)
    whole, parts = new(COUNTER, policy), new(COUNTER, policy)
    values = [(a, b, float(n)) for a, b, n in rows]
    whole.merge([delta(COUNTER, *values)], 1.0)
    edges = [0, *sorted(min(c, len(values)) for c in cuts), len(values)]
    for start, end in itertools.pairwise(edges):
        parts.merge([delta(COUNTER, *values[start:end])], 1.0)
    assert totals(parts) == totals(whole)
    assert sum(totals(parts).values()) == sum(n for _, _, n in rows)


def test_pending_deltas_fold_by_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledgers, "_COMPACT_ROWS", 3)
    ledger = new(COUNTER)
    for i in range(10):
        ledger.merge([delta(COUNTER, (str(i % 2), "", 1.0))], 1.0)
    assert totals(ledger) == {("0", ""): 5.0, ("1", ""): 5.0}


def test_adopting_other_families_keeps_what_is_unchanged() -> None:
    policy = Policy("stage")
    ledger = Ledger({"flows": (COUNTER, policy), "level": (GAUGE, policy)})
    both = [delta(COUNTER, ("x", "y", 1.0)), delta(GAUGE, ("x", 5.0))]
    ledger.merge(both, 10.0)
    helped = msgspec.structs.replace(COUNTER, help="better")
    longer = Policy("stage", expiry=7.0)
    more = Family("more", Kind.COUNTER, ())
    ledger.adopt({"more": (more, policy), "flows": (helped, longer)}, {"flows"}, 0)
    assert [table.family for table in ledger.tables()] == [more, helped]
    assert totals(ledger, 1) == {("x", "y"): 1.0}
    assert ledger.tables()[1].policy is longer
    ledger.merge(both, 20.0)
    assert totals(ledger, 1) == {("x", "y"): 2.0}, "what is not held any more is left out"


def test_adopting_a_family_of_another_shape_starts_it() -> None:
    ledger = new(COUNTER, Policy("stage", max_series_per_metric=1))
    old = [delta(COUNTER, ("x", "y", 1.0), ("x", "z", 2.0))]
    ledger.merge(old, 10.0)
    ledger.tables()
    assert ledger.overflowed == {"flows": 1}
    other = Family("flows", Kind.COUNTER, ("a",))
    ledger.adopt({"flows": (other, Policy("stage"))}, {"flows"}, 0)
    assert ledger.overflowed == {"flows": 0}
    ledger.merge(old, 20.0)
    assert totals(ledger) == {}


def test_label_sets_beyond_a_limit_do_not_pile_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledgers, "_WASTE", 10)
    ledger = new(COUNTER, Policy("stage", max_series_per_metric=2))
    for i in range(30):
        ledger.merge([delta(COUNTER, (str(i), "", 1.0), ("0", "", 1.0))], float(i))
        ledger.tables()
    assert totals(ledger) == {("0", ""): 31.0, ("1", ""): 1.0, (OVERFLOW, OVERFLOW): 28.0}
    assert len(ledger.tables()[0].rows.sets) <= 2 * 3 + 10 + 1


def test_what_one_ledger_has_added_another_one_adds_as_well() -> None:
    sharing = InternerPool()
    plain = Family("plain", Kind.COUNTER, ())
    families = {f.name: (f, Policy("stage")) for f in (COUNTER, plain)}
    first, same, apart = (Ledger(families, 0, s) for s in (sharing, sharing, None))
    rows = [delta(COUNTER, ("x", "y", 1.0)), delta(plain, (2.0,))]
    apart.merge([delta(COUNTER, ("a", "b", 1.0))], 1.0)
    added = first.merge(rows, 1.0)
    for other in (same, apart):
        other.add(added, 2.0)
        assert totals(other, 1) == {(): 2.0}
    assert totals(same) == {("x", "y"): 1.0}
    assert totals(apart) == {("a", "b"): 1.0, ("x", "y"): 1.0}
