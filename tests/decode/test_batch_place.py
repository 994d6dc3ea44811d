"""Record batches held against the offset that is due: first offsets are under no checksum."""

from __future__ import annotations

import pytest

from pipeline.decode.record_batches import RecordBatches
from tests.support.record_batches import at


def placed(
    data: bytes, position: int = 0, end: int | None = None
) -> tuple[list[int], list[tuple[int, int]]]:
    """The offsets of the records of a fetch, for a reader at a position, and what is missing."""
    batches = RecordBatches(data)
    batches.follow("t[0]", position, end)
    offsets = [record.offset for one in iter(batches.next_batch, None) for record in one]
    return offsets, batches.missing


def test_every_bit_that_is_not_under_the_checksum_and_not_the_length() -> None:
    """Of the batch in the middle: its first offset, the leader's epoch, the number of its form."""
    for bit in [*range(8 * 8), *range(12 * 8, 17 * 8)]:
        other = bytearray(at(2))
        other[bit >> 3] ^= 1 << (bit & 7)
        data = at(0) + bytes(other) + at(4)
        assert placed(data, 0, 6) == ([0, 1, 2, 3, 4, 5], []), bit


@pytest.mark.parametrize("bit", [0, 1, 2, 3, 30, 62, 63])
def test_a_last_batch_that_says_a_wrong_offset(bit: int) -> None:
    """The end of the partition says where it is."""
    assert placed(at(0) + at(2 ^ 1 << bit), 0, 4) == ([0, 1, 2, 3], [])


def test_offsets_of_which_nothing_comes() -> None:
    """Compacted, or passed over by a broker that finds a wrong offset on its disk."""
    assert placed(at(0) + at(6) + at(9), 0, 11) == ([0, 1, 6, 7, 9, 10], [(2, 5), (8, 8)])
    assert placed(at(6), 3, 8) == ([6, 7], [(3, 5)])
    assert placed(at(6), 7, 8) == ([6, 7], [])


def test_a_batch_that_comes_twice_is_before_what_is_due() -> None:
    """The reader leaves out what is before its position, and does not go back."""
    batches = RecordBatches(at(0) + at(0) + at(2))
    batches.follow("t[0]", 0, 4)
    found = [one.next_offset for one in iter(batches.next_batch, None)]
    assert found == [2, 2, 4]


def test_what_follows_is_looked_at_only_where_something_is_out_of_place(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It takes a copy of all that follows, in each of the hundreds of batches of a fetch."""
    looks: list[RecordBatches] = []

    def look(batches: RecordBatches) -> None:
        looks.append(batches)

    monkeypatch.setattr(RecordBatches, "_following", look)
    assert placed(at(0) + at(2) + at(4), 0, 6) == ([0, 1, 2, 3, 4, 5], [])
    assert looks == []
    assert placed(at(0) + at(4), 0, 6) == ([0, 1, 4, 5], [(2, 3)])
    assert len(looks) == 1
