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
    AddressLimit,
    Delta,
    Family,
    Kind,
    Policy,
    Rule,
    bucket,
)
from pipeline.state import series_table
from pipeline.state.label_sets import InternerPool
from pipeline.state.ledger import Ledger
from pipeline.state.series_rows import LAST_COUNTED, OVERFLOW

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
    monkeypatch.setattr(series_table, "_COMPACT_ROWS", 3)
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
    monkeypatch.setattr(series_table, "_WASTE", 10)
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
        other.add(added)
        assert totals(other, 1) == {(): 2.0}
    assert totals(same) == {("x", "y"): 1.0}
    assert totals(apart) == {("a", "b"): 1.0, ("x", "y"): 1.0}


FACTS = Family(
    "facts",
    None,
    ("a",),
    facts=(("sum", Rule.SUM), ("least", Rule.MIN), ("most", Rule.MAX)),
)
Fact = tuple[str, int, int | None, int | None, float | None]
"""A label, a value for each rule, and when it was seen."""


def facts(*rows: Fact) -> Delta:
    integers = dict.fromkeys(FACTS.columns, pl.Int64())
    schema = {"a": pl.String(), **integers, FIRST_SEEN: pl.Float64()}
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    return Delta(FACTS, frame.with_columns(pl.col(FIRST_SEEN).alias(LAST_SEEN)))


def fact_rows(ledger: Ledger) -> list[tuple[object, ...]]:
    [table] = ledger.tables()
    return table.series().drop(LAST_COUNTED).rows()


def test_facts_are_merged_by_their_rules() -> None:
    """A label set may come several times in a delta; what is not known gives way."""
    ledger = new(FACTS)
    ledger.merge([facts(("x", 1, 5, 5, 30.0), ("x", 2, None, None, 20.0))], 99.0)
    ledger.merge([facts(("y", 1, None, None, None), ("x", 4, 3, 9, 25.0))], 99.0)
    assert fact_rows(ledger) == [("x", 7, 3, 9, 20.0, 30.0), ("y", 1, None, None, 99.0, 99.0)]


def test_facts_beyond_the_limit_are_exact_too() -> None:
    ledger = new(FACTS, Policy("stage", max_series_per_metric=1))
    ledger.merge([facts(("x", 1, 1, 1, 1.0), ("y", 2, 2, 2, 2.0), ("z", 3, None, 3, 3.0))], 9.0)
    assert fact_rows(ledger) == [("x", 1, 1, 1, 1.0, 1.0), (OVERFLOW, 5, 2, 3, 2.0, 3.0)]


def test_facts_are_never_shown_and_take_no_room_of_what_is() -> None:
    families = {FACTS.name: (FACTS, Policy("f")), COUNTER.name: (COUNTER, Policy("stage"))}
    ledger = Ledger(families, max_series=1)
    ledger.merge([facts(("x", 1, 1, 1, 1.0), ("y", 1, 1, 1, 1.0))], 1.0)
    ledger.merge([delta(COUNTER, ("1", "", 1.0))], 1.0)
    kept, counted = ledger.tables()
    assert (kept.size, kept.shown(None), kept.exposed(1.0).height) == (2, 0, 0)
    assert (counted.size, counted.shown(None)) == (1, 1)
    assert not ledger.limited


def test_series_are_dropped_after_their_retention() -> None:
    """By the time of the flows, and only when an eighth of it more has passed."""
    ledger = new(FACTS, Policy("stage", retention=80.0))
    ledger.merge([facts(("x", 1, 1, 1, 100.0), ("y", 1, 1, 1, 105.0))], 1_000.0)
    ledger.merge([facts(("z", 1, 1, 1, 190.0))], 1_000.0)
    [table] = ledger.tables()
    assert (table.size, table.rows.edition) == (3, 0)
    ledger.merge([facts(("z", 1, 1, 1, 191.0))], 1_000.0)
    [table] = ledger.tables()
    assert table.series()["a"].to_list() == ["z"]
    assert table.rows.edition == 1
    ledger.merge([facts(("x", 7, 1, 1, 192.0))], 1_000.0)
    assert [row[:2] for row in fact_rows(ledger)] == [("z", 2), ("x", 7)]


def test_a_clock_ahead_drops_nothing_that_is_recent() -> None:
    """A flow of the next century, among those of today."""
    ledger = new(FACTS, Policy("stage", retention=80.0))
    ledger.merge([facts(("x", 1, 1, 1, 950.0), ("y", 1, 1, 1, 1e9))], 1_000.0)
    assert [row[0] for row in fact_rows(ledger)] == ["x", "y"]


def test_dropped_label_sets_do_not_pile_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(series_table, "_WASTE", 0)
    ledger = new(FACTS, Policy("stage", retention=1.0))
    for second in range(0, 40, 2):
        ledger.merge([facts(*((f"{second}-{n}", 1, 1, 1, second) for n in range(5)))], 1_000.0)
        [table] = ledger.tables()
        assert len(table.rows.sets) <= 15
    assert table.size == 5


EXTERNAL = Family("edges", None, ("address", "to", "none"), facts=(("flows", Rule.SUM),))
LIMIT = AddressLimit(2, (("address", "none"), ("none", "to")))
LIMITED = Policy("stage", addresses=LIMIT)


def scanned(*addresses: str) -> Delta:
    columns = {"address": addresses, "to": "shop", "none": ""}
    flows = pl.lit(1, dtype=pl.Int64)
    return Delta(EXTERNAL, pl.DataFrame(columns).with_columns(flows=flows))


def test_addresses_beyond_their_limit_are_networks(caplog: pytest.LogCaptureFixture) -> None:
    """Said once; exact; and the limit goes on from what a ledger was restored with."""

    def ask(ledger: Ledger, *addresses: str) -> dict[str, int]:
        ledger.merge([scanned(*addresses)], 1.0)
        return dict(ledger.tables()[0].series().select("address", "flows").rows())

    ledger = new(EXTERNAL, LIMITED)
    ask(ledger, "1.1.1.1", "1.1.1.2", "1.1.1.3", "2.2.2.2")
    found = ask(ledger, "1.1.1.1", "1.1.1.9", "3.3.3.3")
    exact = {"1.1.1.1": 2, "1.1.1.2": 1, "1.1.1.0/24": 2, "2.2.2.0/24": 1, OVERFLOW: 1}
    assert found == exact
    assert [message.split(":")[0] for message in caplog.messages] == [
        "metric edges is at its limit of addresses"
    ]
    assert ledger.limited == {"edges addresses"}
    assert ledger.overflowed == {"edges": 4}
    again = new(EXTERNAL, LIMITED)
    rows = ledger.tables()[0].rows
    again.restore(EXTERNAL, [rows.labelled(rows.totals)], rows.labelled(rows.overflow))
    assert ask(again, "3.3.3.4") == exact | {OVERFLOW: 2}


def test_a_larger_limit_holds_from_the_next_flows_on() -> None:
    ledger = new(EXTERNAL, LIMITED)
    ledger.merge([scanned("1.1.1.1", "1.1.1.2", "1.1.1.3")], 1.0)
    larger = Policy("stage", addresses=AddressLimit(3, LIMIT.ends))
    ledger.adopt({EXTERNAL.name: (EXTERNAL, larger)}, {EXTERNAL.name}, 0)
    ledger.merge([scanned("1.1.1.3", "1.1.1.4")], 2.0)
    found = ledger.tables()[0].series()["address"].to_list()
    assert found == ["1.1.1.1", "1.1.1.2", "1.1.1.0/24", "1.1.1.3"]
