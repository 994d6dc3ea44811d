"""Both stores of counts, as whoever shows them sees them."""

from __future__ import annotations

import polars as pl
import pytest

from pipeline.stage import VALUE, Delta, Family, Kind, MetricSet, Policy, Rule
from pipeline.state.assignment import Assignment
from pipeline.state.count_store import CountStore, counters, facts
from pipeline.state.ledger import Ledger

FLOWS = Family("flows", Kind.COUNTER, ("ns",))
SIZE = Family("size", Kind.GAUGE, ())
FAMILIES: MetricSet = {"flows": (FLOWS, Policy("e")), "size": (SIZE, Policy("e"))}
STORES = [Ledger, Assignment]


@pytest.mark.parametrize("kind", STORES)
def test_what_both_stores_answer(kind: type[Ledger | Assignment]) -> None:
    store: CountStore = kind(FAMILIES, 10)
    assert [table.family.name for table in store.tables()] == ["flows", "size"]
    assert dict(store.overflowed) == {"flows": 0, "size": 0}
    assert (store.durable(), store.totals()[:2]) == ({}, ({}, {}))
    store.adopt({"flows": FAMILIES["flows"]}, {"flows"}, 10)
    assert [table.family.name for table in store.tables()] == ["flows"]


def test_counters_alone() -> None:
    ledger = Ledger(FAMILIES)
    ledger.merge([Delta(FLOWS, pl.DataFrame({"ns": ["a"], VALUE: [2.0]}))], 1.0)
    found = counters(ledger)
    assert list(found) == ["flows"]
    assert found["flows"].select("ns", VALUE).rows() == [("a", 2.0)]


@pytest.mark.parametrize("kind", STORES)
def test_facts_alone(kind: type[Ledger | Assignment]) -> None:
    edges = Family("edges", None, ("ns",), facts=(("n", Rule.SUM),))
    store: CountStore = kind({**FAMILIES, "edges": (edges, Policy("e"))})
    assert list(facts(store)) == ["edges"]
    assert list(counters(store)) == ["flows"]
