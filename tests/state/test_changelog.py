from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec
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
    ROWS,
    ChangelogError,
    CheckpointRecords,
    Epoch,
    Record,
    Writer,
    read,
)
from pipeline.state.ledger import Ledger
from pipeline.state.memories import MemorySnapshot
from pipeline.state.sealed import seal

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
    assert [key for key, _ in second.parts] == [b"1.1/flows/1/values/b/0"]
    log.take_all(second)
    assert log.values()["flows"] == dict.fromkeys(map(str, range(2 * ROWS)), 1) | {str(ROWS + 5): 2}
    assert writer.checkpoint(ledger.tables(), 30, 2.0).parts == []


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


@pytest.fixture
def whole() -> dict[bytes, bytes]:
    """The records of a state: a manifest and a part of labels and values."""
    ledger, log, writer = Ledger(FAMILIES), Log(), Writer(Epoch(1, 1))
    counting(ledger, ["a"], 1.0)
    log.take_all(writer.checkpoint(ledger.tables(), 10, 1.0))
    return log.records


MANIFEST, LABELS = b"1.1/manifest", b"1.1/flows/0/labels/a/0"
VALUES = b"1.1/flows/0/values/a/0"


def refused(records: dict[bytes, bytes]) -> tuple[bytes, str]:
    """The key and the reason of what is wrong with records."""
    with pytest.raises(ChangelogError) as error:
        read(records)
    return error.value.key, str(error.value)


@pytest.mark.parametrize("key", [MANIFEST, LABELS, VALUES])
@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda value: value[:-1], "it is cut"),
        (lambda value: value[:10], "it ends after 10 bytes, inside its head"),
        (lambda value: value[:-1] + bytes([value[-1] ^ 1]), "it is damaged: its checksum"),
        (lambda value: value + b"x", "it is damaged: its checksum"),
        (lambda _: b'{"a":1}', "it is not a state of flowmatrix"),
        (lambda _: b"", "it is not a state of flowmatrix"),
        (lambda value: seal(value, 5), r"by a newer flowmatrix (version 5, not 4)"),
        (lambda _: seal(b"\xc1", 4), "it is not a "),
    ],
)
def test_a_record_that_is_damaged_or_foreign_is_refused(
    whole: dict[bytes, bytes], key: bytes, damage: Callable[[bytes], bytes], reason: str
) -> None:
    """Each byte is verified before anything of it is read; the error names the record."""
    found, said = refused(whole | {key: damage(whole[key])})
    assert found == key
    assert reason in said


@pytest.mark.parametrize("key", [LABELS, VALUES])
def test_a_record_that_is_missing_is_refused(whole: dict[bytes, bytes], key: bytes) -> None:
    del whole[key]
    assert refused(whole) == (key, "it is missing")


@pytest.mark.parametrize("key", [b"", b"x", b"1/manifest", b"a.b/manifest", b"\xff"])
def test_a_record_with_another_key_is_refused(whole: dict[bytes, bytes], key: bytes) -> None:
    """Somebody else writes to the topic."""
    assert refused(whole | {key: b"{}"}) == (key, "it is not a record of flowmatrix")


@pytest.mark.parametrize("version", [2, 3])
def test_a_state_of_an_older_version_is_known(version: int) -> None:
    """It had no head, and says its version first."""
    old = {"version": version, "position": 7, "families": [], "parts": [], "topic_id": ""}
    key, reason = refused({MANIFEST: msgspec.msgpack.encode(old)})
    assert (key, reason) == (
        MANIFEST,
        f"it was written by an older flowmatrix (version {version}, not 4)",
    )


def test_what_the_manifest_does_not_name_may_be_damaged(whole: dict[bytes, bytes]) -> None:
    """A part that was replaced, or of an earlier owner: it is not read, and deleted next."""
    state = read(whole | {b"0.7/flows/0/values/b/0": b"?"})
    assert state.position == 10
    assert b"0.7/flows/0/values/b/0" in state.keys


def test_a_part_of_another_size_is_refused(whole: dict[bytes, bytes]) -> None:
    """As when a slot holds what was written later, or before."""
    ledger, writer = Ledger(FAMILIES), Writer(Epoch(1, 1))
    counting(ledger, ["a", "b"], 1.0)
    other = dict(writer.checkpoint(ledger.tables(), 20, 1.0).parts)
    key, reason = refused(whole | {VALUES: other[VALUES] or b""})
    assert (key, reason) == (VALUES, "it has 2 series where the manifest says 1")


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
