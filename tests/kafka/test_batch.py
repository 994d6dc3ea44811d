"""Batches of messages, with and without holes between their offsets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.kafka.batch import Batch, GapError, join


def test_of() -> None:
    """Offsets are kept only where there are holes."""
    assert Batch.of(5, 8, [5, 6, 7], [b"a", b"b", b"c"]) == Batch([b"a", b"b", b"c"], 5, 8)
    assert Batch.of(3, 8, [5, 7], [b"a", b"c"]) == Batch([b"a", b"c"], 3, 8, [5, 7])
    assert Batch.of(3, 9, [7], [b"a"]) == Batch([b"a"], 3, 9, [7])
    assert Batch.of(3, 5, [], []) == Batch([], 3, 5)


def test_offsets() -> None:
    """Without a list, messages end where the batch ends."""
    assert [Batch([b"a", b"b"], 0, 9).offset(n) for n in (0, 1)] == [7, 8]
    assert [Batch([b"a", b"b"], 0, 9, [3, 8]).offset(n) for n in (0, 1)] == [3, 8]


@given(st.sets(st.integers(0, 30), min_size=1), st.integers(0, 40))
def test_after_keeps_what_was_not_counted(found: set[int], position: int) -> None:
    """Whatever the holes are, and wherever the position is."""
    offsets = sorted(found)
    batch = Batch.of(
        0, offsets[-1] + 1, offsets, [str(offset).encode() for offset in offsets]
    ).after(position)
    expected = [offset for offset in offsets if offset >= position]
    assert [int(payload) for payload in batch.payloads] == expected
    assert [batch.offset(n) for n in range(len(expected))] == expected
    assert batch.end == max(offsets[-1] + 1, position if not expected else 0)


@given(st.sets(st.integers(0, 30), min_size=1), st.integers(1, 40))
def test_head_and_what_is_after_it_are_the_whole(found: set[int], messages: int) -> None:
    """A batch can be counted in two parts, and put together again."""
    offsets = sorted(found)
    whole = Batch.of(0, offsets[-1] + 1, offsets, [str(offset).encode() for offset in offsets])
    head = whole.head(messages)
    rest = whole.after(head.end)
    assert head.payloads + rest.payloads == whole.payloads
    assert [head.offset(n) for n in range(len(head.payloads))] == offsets[:messages]
    assert (head.start, rest.end) == (whole.start, whole.end)
    assert join([head, rest], 0).payloads == whole.payloads


def test_join() -> None:
    """Overlaps are counted once; holes stay holes."""
    first, second = Batch([b"a", b"b"], 0, 2), Batch([b"b", b"c"], 1, 3)
    assert join([first, second], 0) == Batch([b"a", b"b", b"c"], 0, 3)
    assert join([first, second], 1) == Batch([b"b", b"c"], 1, 3)
    assert join([first, second], 5) == Batch([], 5, 5)
    assert join([first], 1) == Batch([b"b"], 1, 2)
    gap = Batch([b"x"], 2, 9, None)
    assert join([first, gap], 0) == Batch([b"a", b"b", b"x"], 0, 9, [0, 1, 8])


@pytest.mark.parametrize("batches", [[Batch([b"c"], 3, 4)], [Batch([b"a"], 0, 1)] * 2])
def test_missing_messages_are_noticed(batches: list[Batch]) -> None:
    """A batch that begins behind the position is an error."""
    late = Batch([b"e"], 5, 6)
    with pytest.raises(GapError, match="were not delivered"):
        join([*batches, late], 0)
