from __future__ import annotations

import itertools

import msgspec
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.stage import VALUE, Delta, Family, Kind, Policy
from pipeline.state.changelog import Epoch, Manifest, State
from pipeline.state.partition import Batch, GapError, Partition, fold, join

FLOWS = Family("flows", Kind.COUNTER, ("ns",))
FAMILIES = {"flows": (FLOWS, Policy("g"))}
EMPTY = State(None, [], 0, frozenset())


def delta(*names: str) -> list[Delta]:
    return [Delta(FLOWS, pl.DataFrame({"ns": names, VALUE: [1.0] * len(names)}))]


def held(partition: Partition) -> dict[str, float]:
    return dict(partition.tables()[0].series().select("ns", VALUE).iter_rows())


def test_fold() -> None:
    assert fold(5, [5, 6, 7], [b"a", b"b", b"c"]) == Batch([b"a", b"b", b"c"], 5, 8)
    assert fold(3, [5, 7], [b"a", b"c"]) == Batch([b"a", b"c"], 3, 8, [5, 7])


def test_offsets() -> None:
    assert [Batch([b"a", b"b"], 0, 9).offset(n) for n in (0, 1)] == [7, 8]
    assert [Batch([b"a", b"b"], 0, 9, [3, 8]).offset(n) for n in (0, 1)] == [3, 8]


@given(st.sets(st.integers(0, 30), min_size=1), st.integers(0, 40))
def test_after_keeps_what_was_not_counted(found: set[int], position: int) -> None:
    offsets = sorted(found)
    batch = fold(0, offsets, [str(offset).encode() for offset in offsets]).after(position)
    expected = [offset for offset in offsets if offset >= position]
    assert [int(payload) for payload in batch.payloads] == expected
    assert [batch.offset(n) for n in range(len(expected))] == expected
    assert batch.end == max(offsets[-1] + 1, position if not expected else 0)


@given(st.sets(st.integers(0, 30), min_size=1), st.integers(1, 40))
def test_head_and_what_is_after_it_are_the_whole(found: set[int], messages: int) -> None:
    offsets = sorted(found)
    whole = fold(0, offsets, [str(offset).encode() for offset in offsets])
    head = whole.head(messages)
    rest = whole.after(head.end)
    assert head.payloads + rest.payloads == whole.payloads
    assert [head.offset(n) for n in range(len(head.payloads))] == offsets[:messages]
    assert (head.start, rest.end) == (whole.start, whole.end)
    assert join([head, rest], 0).payloads == whole.payloads


def test_join() -> None:
    first, second = Batch([b"a", b"b"], 0, 2), Batch([b"b", b"c"], 1, 3)
    assert join([first, second], 0) == Batch([b"a", b"b", b"c"], 0, 3)
    assert join([first, second], 1) == Batch([b"b", b"c"], 1, 3)
    assert join([first, second], 5) == Batch([], 5, 5)
    assert join([first], 1) == Batch([b"b"], 1, 2)
    gap = Batch([b"x"], 2, 9, None)
    assert join([first, gap], 0) == Batch([b"a", b"b", b"x"], 0, 9, [0, 1, 8])


@pytest.mark.parametrize("batches", [[Batch([b"c"], 3, 4)], [Batch([b"a"], 0, 1)] * 2])
def test_missing_messages_are_noticed(batches: list[Batch]) -> None:
    late = Batch([b"e"], 5, 6)
    with pytest.raises(GapError, match="were not delivered"):
        join([*batches, late], 0)


def test_the_three_stages_of_a_delta() -> None:
    partition = Partition(FAMILIES, 0, Epoch(1, 4), EMPTY, 10)
    assert partition.dirty
    partition.count(delta("a", "b"), 12, 1.0)
    checkpoint = partition.packed(partition.snapshot())
    assert (partition.position, checkpoint.position, held(partition)) == (12, 12, {})
    partition.count(delta("a"), 13, 1.0)
    assert partition.confirmed(10) == []
    partition.delivered(checkpoint)
    assert (partition.durable, held(partition)) == (12, {"a": 1, "b": 1})
    assert [counted.now for counted in partition.confirmed(12)] == [1.0]
    assert partition.confirmed(12) == []
    assert partition.dirty
    second = partition.packed(partition.snapshot())
    assert len(second.parts) == 1
    partition.delivered(second)
    assert not partition.dirty
    assert held(partition) == {"a": 2, "b": 1}


def test_what_starts_again_is_not_shown() -> None:
    partition = Partition(FAMILIES, 0, Epoch(1, 4), EMPTY, 0)
    partition.count(delta("a"), 1, 1.0)
    checkpoint = partition.packed(partition.snapshot())
    partition.adopt(FAMILIES, set(), 0)
    partition.delivered(checkpoint)
    assert [counted.deltas for counted in partition.confirmed(1)] == [[]]
    assert partition.dirty
    partition.delivered(partition.packed(partition.snapshot()))
    assert held(partition) == {}


def test_a_plan_that_is_taken_while_a_checkpoint_is_packed() -> None:
    other = Family("other", Kind.COUNTER, ("ns",))
    both = {**FAMILIES, "other": (other, Policy("g"))}
    partition = Partition(both, 0, Epoch(1, 4), EMPTY, 0)
    partition.count([*delta("a"), Delta(other, delta("b")[0].series)], 1, 1.0)
    cut = partition.snapshot()
    partition.count(delta("a"), 2, 2.0)
    partition.adopt(both, {"other"}, 0)
    checkpoint = partition.packed(cut)
    assert msgspec.msgpack.decode(checkpoint.manifest[1] or b"", type=Manifest).position == 1
    partition.delivered(checkpoint)
    flows, others = partition.tables()
    assert (flows.size, others.series()[VALUE].to_list()) == (0, [1.0])
    partition.count(delta("c"), 3, 3.0)
    again = partition.packed(partition.snapshot())
    manifest = msgspec.msgpack.decode(again.manifest[1] or b"", type=Manifest)
    rows = {(part.family, part.what): part.rows for part in manifest.parts}
    assert rows == dict.fromkeys(itertools.product(both, ("labels", "values")), 1)
    partition.delivered(again)
    assert held(partition) == {"c": 1}
