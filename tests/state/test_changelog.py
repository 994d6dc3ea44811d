from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import polars as pl
import pytest

from pipeline.stage import (
    FIRST_SEEN,
    LAST_SEEN,
    VALUE,
    Change,
    Delta,
    Family,
    Kind,
    Memory,
    Policy,
    Rule,
    memory,
)
from pipeline.stage.memory import KEY
from pipeline.state.changelog import (
    CheckpointRecords,
    Epoch,
    Record,
    Writer,
)
from pipeline.state.changelog_reader import read
from pipeline.state.changes import MOST, ROWS
from pipeline.state.ledger import Ledger
from pipeline.state.memories import MemorySnapshot

FLOWS = Family("flows", Kind.COUNTER, ("ns",))
BYTES = Family("bytes", Kind.COUNTER, ("ns",))
FAMILIES = {family.name: (family, Policy("g")) for family in (FLOWS, BYTES)}


def counting(ledger: Ledger, names: list[str], now: float, family: Family = FLOWS) -> None:
    series = pl.DataFrame({"ns": names, VALUE: [1.0] * len(names)})
    ledger.merge([Delta(family, series)], now)


class Log:
    """A compacted topic: the last record of each key."""

    def __init__(self) -> None:
        self.records: dict[bytes, bytes] = {}

    def take(self, records: list[Record]) -> None:
        for key, value in records:
            if value is None:
                self.records.pop(key, None)
            else:
                self.records[key] = value

    def take_all(self, checkpoint: CheckpointRecords) -> None:
        self.take([*checkpoint.parts, checkpoint.manifest, *checkpoint.deletions])

    def values(self) -> dict[str, dict[str, float]]:
        return {
            saved.family.name: dict(saved.totals.select("ns", VALUE).iter_rows())
            for saved in read(self.records).families
        }


def test_nothing_written() -> None:
    state = read({})
    assert (state.position, state.families, state.newest, state.keys) == (None, [], 0, frozenset())


def test_what_was_written_is_read() -> None:
    ledger, log, writer = Ledger(FAMILIES), Log(), Writer(Epoch(1, 7))
    counting(ledger, ["a", "b"], 1.0)
    counting(ledger, ["c"], 1.0, BYTES)
    log.take_all(writer.checkpoint(ledger.tables(), 30, 1.0))
    state = read(log.records)
    assert (state.position, state.newest) == (30, 1)
    assert log.values() == {"flows": {"a": 1, "b": 1}, "bytes": {"c": 1}}


def test_only_what_changed_is_written() -> None:
    ledger, log, writer = Ledger(FAMILIES), Log(), Writer(Epoch(1, 1))
    counting(ledger, [str(n) for n in range(2 * ROWS)], 1.0)
    counting(ledger, ["c"], 1.0, BYTES)
    first = writer.checkpoint(ledger.tables(), 10, 1.0)
    assert len(first.parts) == 6
    log.take_all(first)
    counting(ledger, [str(ROWS + 5)], 2.0)
    second = writer.checkpoint(ledger.tables(), 20, 2.0)
    assert [key for key, _ in second.parts] == [b"1.1/flows/0/changes/a/0"]
    log.take_all(second)
    assert log.values()["flows"] == dict.fromkeys(map(str, range(2 * ROWS)), 1) | {str(ROWS + 5): 2}
    assert writer.checkpoint(ledger.tables(), 30, 2.0).parts == []
    counting(ledger, [str(n) for n in range(ROWS, ROWS + 2_000)], 3.0)
    many = writer.checkpoint(ledger.tables(), 40, 3.0)
    assert [key for key, _ in many.parts] == [b"1.1/flows/1/values/b/0"]
    log.take_all(many)
    assert log.values()["flows"][str(ROWS + 5)] == 3, "the earlier change is beside it still"
    assert read(log.records).families[0].totals.height == 2 * ROWS


def test_changes_beside_values_are_as_good_as_values() -> None:
    """Over many checkpoints of few series, of many, and of new ones; each is read as it was.

    A checkpoint of few costs few bytes whatever is beside it; a hundred of them do not pile up.
    """
    ledger, log, writer = Ledger(FAMILIES), Log(), Writer(Epoch(1, 1))
    random, names = np.random.default_rng(1), 2 * ROWS
    counting(ledger, [str(n) for n in range(names)], 1.0)
    log.take_all(writer.checkpoint(ledger.tables(), 1, 1.0))
    sizes, kept = [], 0
    for turn in range(2, 122):
        names += 300 if turn % 20 == 0 else 0
        number = 3_000 if turn % 15 == 0 else 20
        counting(ledger, [str(n) for n in random.integers(0, names, number)], float(turn))
        counting(ledger, [str(names - 1)], float(turn))
        made = writer.checkpoint(ledger.tables(), turn, float(turn))
        log.take_all(made)
        sizes.append(sum(len(value or b"") for _, value in made.parts))
        kept = max(kept, sum(b"/changes/" in key for key in log.records))
        held = ledger.tables()[0].series()
        assert log.values()["flows"] == dict(held.select("ns", VALUE).iter_rows())
    assert sorted(sizes)[len(sizes) // 2] < max(sizes) / 10
    assert kept <= 2 * MOST


def test_labels_are_written_again_where_there_are_new_ones() -> None:
    ledger, log, writer = Ledger(FAMILIES), Log(), Writer(Epoch(1, 1))
    counting(ledger, ["a"], 1.0)
    log.take_all(writer.checkpoint(ledger.tables(), 10, 1.0))
    counting(ledger, ["b", "a"], 2.0)
    grown = writer.checkpoint(ledger.tables(), 20, 2.0)
    keys = [b"1.1/flows/0/labels/b/0", b"1.1/flows/0/values/b/0"]
    assert [key for key, _ in grown.parts] == keys
    log.take(grown.parts)
    assert log.values() == {"flows": {"a": 1}}, "what the last manifest names is still there"
    log.take([grown.manifest])
    assert log.values() == {"flows": {"a": 2, "b": 1}}


def test_a_family_without_labels() -> None:
    plain = Family("plain", Kind.COUNTER, ())
    ledger, log, writer = Ledger({"plain": (plain, Policy("g"))}), Log(), Writer(Epoch(1, 1))
    ledger.merge([Delta(plain, pl.DataFrame({VALUE: [3.0]}))], 1.0)
    log.take_all(writer.checkpoint(ledger.tables(), 10, 1.0))
    (saved,) = read(log.records).families
    assert saved.totals[VALUE].to_list() == [3.0]


@pytest.mark.parametrize("written", [0, 1])
def test_a_checkpoint_that_was_cut_short_never_was(written: int) -> None:
    ledger, log, writer = Ledger(FAMILIES), Log(), Writer(Epoch(1, 1))
    counting(ledger, ["a"], 1.0)
    log.take_all(writer.checkpoint(ledger.tables(), 10, 1.0))
    counting(ledger, ["a"], 2.0)
    log.take(writer.checkpoint(ledger.tables(), 20, 2.0).parts[:written])
    assert read(log.records).position == 10
    assert log.values() == {"flows": {"a": 1}}


def test_the_next_owner_removes_what_was_before() -> None:
    ledger, log = Ledger(FAMILIES), Log()
    counting(ledger, ["a"], 1.0)
    log.take_all(Writer(Epoch(1, 1)).checkpoint(ledger.tables(), 10, 1.0))
    state = read(log.records)
    writer = Writer(Epoch(state.newest + 1, 2), state.keys)
    log.take_all(writer.checkpoint(ledger.tables(), 10, 1.0))
    assert {key.split(b"/")[0] for key in log.records} == {b"2.2"}
    assert log.values() == {"flows": {"a": 1}}


def test_a_frozen_owner_wakes_up_after_its_successor_wrote() -> None:
    ledger, log, frozen = Ledger(FAMILIES), Log(), Writer(Epoch(1, 1))
    counting(ledger, ["a"], 1.0)
    log.take_all(frozen.checkpoint(ledger.tables(), 10, 1.0))
    counting(ledger, ["a"], 2.0)
    late = frozen.checkpoint(ledger.tables(), 15, 2.0)
    state, other = read(log.records), Ledger(FAMILIES)
    other.restore(FLOWS, [state.families[0].totals], state.families[0].overflow)
    successor = Writer(Epoch(state.newest + 1, 2), state.keys)
    counting(other, ["a", "b"], 3.0)
    log.take_all(successor.checkpoint(other.tables(), 20, 3.0))
    log.take_all(late)
    assert read(log.records).position == 20
    assert log.values() == {"flows": {"a": 2, "b": 1}}


def test_a_frozen_owner_wakes_up_before_its_successor_wrote_anything() -> None:
    ledger, log, frozen = Ledger(FAMILIES), Log(), Writer(Epoch(1, 1))
    counting(ledger, ["a"], 1.0)
    log.take_all(frozen.checkpoint(ledger.tables(), 10, 1.0))
    counting(ledger, ["a"], 2.0)
    log.take_all(frozen.checkpoint(ledger.tables(), 15, 2.0))
    assert read(log.records).position == 15
    assert log.values() == {"flows": {"a": 2}}


def test_of_owners_that_saw_the_same_the_later_generation_holds() -> None:
    ledger, log = Ledger(FAMILIES), Log()
    counting(ledger, ["a"], 1.0)
    log.take_all(Writer(Epoch(4, 21)).checkpoint(ledger.tables(), 20, 1.0))
    log.take_all(Writer(Epoch(4, 20)).checkpoint(ledger.tables(), 15, 1.0))
    assert read(log.records).position == 20


def test_a_family_that_starts_again() -> None:
    ledger, log, writer = Ledger(FAMILIES), Log(), Writer(Epoch(1, 1))
    counting(ledger, ["a"], 1.0)
    counting(ledger, ["a"], 1.0, BYTES)
    log.take_all(writer.checkpoint(ledger.tables(), 10, 1.0))
    ledger.adopt(FAMILIES, {"bytes"}, 0)
    writer.forget({"flows"})
    again = writer.checkpoint(ledger.tables(), 10, 1.0)
    log.take_all(again)
    assert again.parts == []
    assert log.values() == {"bytes": {"a": 1}}
    counting(ledger, ["b"], 2.0)
    last = writer.checkpoint(ledger.tables(), 20, 2.0)
    slots = [b"1.1/flows/0/labels/b/0", b"1.1/flows/0/values/b/0"]
    assert [key for key, _ in last.parts] == slots, "slot a may still be read"
    log.take_all(last)
    assert log.values() == {"flows": {"b": 1}, "bytes": {"a": 1}}


def test_overflow_and_large_parts() -> None:
    ledger, log, writer = Ledger(FAMILIES, 2), Log(), Writer(Epoch(1, 1))
    counting(ledger, ["a", "b", "c"], 1.0)
    checkpoint = writer.checkpoint(ledger.tables(), 10, 1.0)
    parts = [key.decode().split("/")[2:4] for key, _ in checkpoint.parts]
    assert parts == [["0", "labels"], ["0", "values"], ["-1", "labels"], ["-1", "values"]]
    log.take_all(checkpoint)
    (saved,) = read(log.records).families
    assert (saved.totals.height, saved.overflow[VALUE].to_list()) == (2, [1.0])


def test_what_is_dropped_moves_the_others_and_all_is_written_anew() -> None:
    """Series stand at other places then, those that were not counted since too."""
    family = Family("facts", None, ("ns",), facts=(("n", Rule.SUM),))
    ledger = Ledger({"facts": (family, Policy("g", retention=80.0))})
    log, writer = Log(), Writer(Epoch(1, 1))

    def count(names: list[str], seen: float, position: int) -> list[tuple[object, ...]]:
        columns = {"ns": names, "n": [1] * len(names), FIRST_SEEN: seen, LAST_SEEN: seen}
        ledger.merge([Delta(family, pl.DataFrame(columns))], float(position))
        log.take_all(writer.checkpoint(ledger.tables(), position, float(position)))
        [saved] = read(log.records).families
        assert saved.totals.rows() == ledger.tables()[0].series().rows()
        return saved.totals.select("ns", "n").rows()

    old = [f"old-{n}" for n in range(ROWS)]
    count(old, 100.0, 1_000)
    assert len(count(["kept", "b"], 150.0, 1_001)) == ROWS + 2
    assert count(["b"], 191.0, 1_002) == [("kept", 1), ("b", 2)]
    assert count(["c"], 191.0, 1_003) == [("kept", 1), ("b", 2), ("c", 1)]


def remembering(keys: Iterable[int]) -> Memory:
    """A memory with these keys."""
    kept = Memory({"v": "f8"})
    remember(kept, keys)
    return kept


def remember(kept: Memory, keys: Iterable[int], ended: list[int] | None = None) -> None:
    """Add rows to a memory, at its time 5, and forget the rows `ended`."""
    added = pl.DataFrame({KEY: pl.Series(list(keys), dtype=pl.UInt64)})
    none = np.empty(0, np.int64)
    values = {"v": np.ones(added.height)}
    gone = np.array(ended or [], np.int64)
    kept.adopt(Change(5.0, none, {"v": np.empty(0)}, gone, added, values))


def cut(kept: Memory, digest: str = "d") -> list[MemorySnapshot]:
    chunks = {chunk: kept.chunk(chunk) for chunk in kept.take_touched()}
    return [MemorySnapshot("track", digest, kept.edition, kept.at, chunks)]


def keys_in(log: Log) -> list[int]:
    [(stage, digest, saved)] = read(log.records).memories
    assert (stage, digest, saved.at, saved.fixed.height) == ("track", "d", 5.0, saved.values.height)
    return sorted(saved.fixed[KEY].to_list()) if saved.fixed.height else []


def test_what_a_stage_remembers_is_written_as_it_changes() -> None:
    """Chunks that changed; fixed columns only where rows are new; what is forgotten is gone."""
    kept, log, writer = remembering(range(2 * ROWS)), Log(), Writer(Epoch(1, 1))
    first = writer.checkpoint([], 10, 1.0, cut(kept))
    assert len(first.parts) == 4
    log.take_all(first)
    remember(kept, [], ended=[7])
    second = writer.checkpoint([], 10, 1.0, cut(kept))
    assert [key for key, _ in second.parts] == [b"1.1/track/0/kept/b/0"]
    log.take_all(second)
    remember(kept, [10**6])
    third = writer.checkpoint([], 10, 1.0, cut(kept))
    assert [key for key, _ in third.parts] == [b"1.1/track/2/kept/a/0", b"1.1/track/2/fixed/a/0"]
    log.take_all(third)
    assert keys_in(log) == [n for n in range(2 * ROWS) if n != 7] + [10**6]


def test_a_checkpoint_that_was_not_finished_leaves_the_memory_before() -> None:
    kept, log, writer = remembering([1, 2]), Log(), Writer(Epoch(1, 1))
    log.take_all(writer.checkpoint([], 10, 1.0, cut(kept)))
    remember(kept, [3], ended=[0])
    log.take(writer.checkpoint([], 20, 1.0, cut(kept)).parts)
    assert keys_in(log) == [1, 2]


def test_a_memory_that_was_made_smaller_is_written_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_WASTE", 2)
    kept, log, writer = remembering(range(ROWS + 5)), Log(), Writer(Epoch(1, 1))
    log.take_all(writer.checkpoint([], 10, 1.0, cut(kept)))
    remember(kept, [], ended=list(range(1, ROWS + 5)))
    log.take_all(writer.checkpoint([], 20, 1.0, cut(kept)))
    assert keys_in(log) == [0]
    assert len(read(log.records).memories[0][2].fixed) == 1


def test_an_empty_memory_is_read_as_one() -> None:
    log, writer = Log(), Writer(Epoch(1, 1))
    empty = Memory({"v": "f8"})
    remember(empty, [])
    log.take_all(writer.checkpoint([], 10, 1.0, cut(empty)))
    assert keys_in(log) == []
    Memory({"v": "f8"}).take(read(log.records).memories[0][2])
