from __future__ import annotations

import msgspec
import polars as pl
import pytest

from pipeline.kafka.batch import TopicPartition
from pipeline.stage import VALUE, Delta, Family, Kind, Policy, Rule
from pipeline.state.assignment import Assignment, packed
from pipeline.state.changelog import CheckpointRecords, State
from pipeline.state.changelog_reader import read
from pipeline.state.series_table import SeriesTable

FLOWS = Family("flows", Kind.COUNTER, ("ns",))
FAMILIES = {"flows": (FLOWS, Policy("g"))}
EMPTY = State(None, [], 0, frozenset())
ONE, TWO = TopicPartition("t", 1), TopicPartition("t", 2)


def delta(*names: str) -> list[Delta]:
    return [Delta(FLOWS, pl.DataFrame({"ns": names, VALUE: [1.0] * len(names)}))]


def values(tables: list[SeriesTable]) -> dict[str, float]:
    return dict(tables[0].series().select("ns", VALUE).iter_rows())


def durable(group: Assignment) -> dict[TopicPartition, CheckpointRecords]:
    checkpoints = packed(group.snapshot())
    group.delivered(checkpoints)
    return checkpoints


def counted() -> Assignment:
    group = Assignment(FAMILIES)
    group.restore(ONE, EMPTY, 3, 0)
    group.restore(TWO, EMPTY, 3, 100)
    group.count(ONE, delta("a", "b"), 2, 1.0)
    group.count(TWO, delta("a"), 101, 1.0)
    return group


def test_shown_when_durable_and_confirmed() -> None:
    group = counted()
    assert group.unconfirmed() == {}
    assert (group.durable(), values(group.totals().tables)) == ({}, {})
    durable(group)
    assert group.durable() == {ONE: 2, TWO: 101}
    assert values(group.totals().tables) == {"a": 2, "b": 1}
    assert values(group.shown.tables()) == {}
    assert group.unconfirmed() == {3: {ONE: 2, TWO: 101}}
    group.confirmed({ONE: 2})
    assert values(group.shown.tables()) == {"a": 1, "b": 1}
    assert group.unconfirmed() == {3: {TWO: 101}}
    group.confirmed({TWO: 101})
    assert values(group.shown.tables()) == {"a": 2, "b": 1}
    assert (group.unconfirmed(), group.snapshot()) == ({}, {})


def test_a_successor_shows_what_it_counts_itself() -> None:
    group = counted()
    state = read(log(durable(group)[ONE]))
    successor = Assignment(FAMILIES)
    successor.restore(ONE, state, 4, 2)
    assert successor.positions() == {ONE: 2}
    assert values(successor.totals().tables) == {"a": 1, "b": 1}
    successor.count(ONE, delta("b"), 3, 2.0)
    durable(successor)
    successor.confirmed({ONE: 3})
    assert values(successor.totals().tables) == {"a": 1, "b": 2}
    assert values(successor.shown.tables()) == {"b": 1}


def test_what_has_changed_starts_again_with_one_warning(caplog: pytest.LogCaptureFixture) -> None:
    group = counted()
    states = {where: read(log(found)) for where, found in durable(group).items()}
    changed = msgspec.structs.replace(FLOWS, chain="other")
    successor = Assignment({"flows": (changed, Policy("g"))})
    for where, state in states.items():
        successor.restore(where, state, 4, state.position or 0)
    assert caplog.messages == ["metric flows has changed: it starts again from zero"]
    assert successor.positions() == {ONE: 2, TWO: 101}
    successor.count(ONE, delta("b"), 3, 2.0)
    again = Assignment({"flows": (changed, Policy("g"))})
    again.restore(ONE, read(log(durable(successor)[ONE])), 5, 3)
    assert values(again.totals().tables) == values(successor.totals().tables) == {"b": 1}
    assert len(caplog.messages) == 1


def log(checkpoint: CheckpointRecords) -> dict[bytes, bytes]:
    """The records of a checkpoint as its topic has them."""
    written = [*checkpoint.parts, checkpoint.manifest]
    return {key: value for key, value in written if value is not None}


def test_partitions_kept_and_let_go() -> None:
    group = counted()
    durable(group)
    assert group.is_kept(ONE, 4)
    assert not group.is_kept(ONE, 5), "somebody else may have had it in generation 4"
    assert not group.is_kept(TopicPartition("t", 9), 4)
    group.keep("t", {ONE}, 4)
    assert group.positions() == {ONE: 2}
    assert group.unconfirmed() == {4: {ONE: 2}}
    group.keep("other", set(), 4)
    assert group.positions() == {ONE: 2}
    group.forget()
    assert (group.positions(), values(group.totals().tables)) == ({}, {})


def test_a_limit_is_said_once_for_all_partitions(caplog: pytest.LogCaptureFixture) -> None:
    """The partitions of a process are limited one by one; the metric is named once."""
    group = Assignment({"flows": (FLOWS, Policy("g", max_series=1))})
    for where in (ONE, TWO):
        group.restore(where, EMPTY, 3, 0)
        group.count(where, delta("a", "b", "c"), 3, 1.0)
    durable(group)
    assert caplog.messages == [
        "metric flows is at its series limit: new label sets go to __overflow__"
    ]
    assert group.limited == {"flows"}
    group.adopt({"flows": (FLOWS, Policy("g"))}, set(), 0)
    assert group.limited == set()


def test_facts_are_exact_and_not_shown() -> None:
    """They are in the totals of all partitions, merged by their rules, and in no scrape."""
    facts = Family("facts", None, ("ns",), facts=(("n", Rule.SUM), ("most", Rule.MAX)))
    group = Assignment({"facts": (facts, Policy("f")), "flows": (FLOWS, Policy("g"))})
    for place, (where, most) in enumerate(((ONE, 5), (TWO, 9))):
        group.restore(where, EMPTY, 3, 0)
        rows = pl.DataFrame({"ns": ["a"], "n": [1], "most": [most]})
        group.count(where, [Delta(facts, rows), *delta("a")], 1, float(place))
    durable(group)
    group.confirmed({ONE: 1, TWO: 1})
    assert [table.family.name for table in group.tables()] == ["flows"]
    totals = group.totals().tables
    assert totals[0].series().select("ns", "n", "most").rows() == [("a", 2, 9)]
    assert values(totals[1:]) == {"a": 2}
    group.adopt({"facts": (facts, Policy("f"))}, {"facts"}, 0)
    assert (group.tables(), [t.family.name for t in group.totals().tables]) == ([], ["facts"])


def test_facts_are_measured_though_they_are_not_shown() -> None:
    """The durable series of each partition, and what was beyond a limit in any of them."""
    facts = Family("facts", None, ("ns",), facts=(("n", Rule.SUM),))
    group = Assignment({"facts": (facts, Policy("f", max_series=2)), "flows": (FLOWS, Policy("g"))})
    for where in (ONE, TWO):
        group.restore(where, EMPTY, 3, 0)
        rows = pl.DataFrame({"ns": ["a", "b", "c"], "n": [1, 1, 1]})
        group.count(where, [Delta(facts, rows), *delta("a")], 1, 1.0)
    assert [table.size for table in group.hidden()] == [0, 0]
    durable(group)
    assert [(table.family.name, table.size) for table in group.hidden()] == [("facts", 3)] * 2
    assert group.overflowed == {"facts": 2, "flows": 0}
