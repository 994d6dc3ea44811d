"""Record batches that do not agree with their checksum: until when they are read again."""

from __future__ import annotations

import struct

import pytest
from aiokafka.record.memory_records import MemoryRecords

from pipeline.decode.damaged_batches import TIMES, DamagedBatches, offset_behind, sound_offset
from tests.support.record_batches import batch, record


def test_the_same_bytes_come_often() -> None:
    """They last; others that are damaged meanwhile are counted for themselves."""
    damaged = DamagedBatches()
    assert [damaged.lasting(b"one") for _ in range(TIMES)] == [False, False, True]
    assert not damaged.lasting(b"other")
    assert damaged.lasting(b"one")


def test_what_is_remembered_is_bounded() -> None:
    damaged = DamagedBatches()
    for number in range(5_000):
        damaged.lasting(b"%d" % number)
    assert len(damaged._times) <= 1_000


@pytest.mark.parametrize(
    ("last", "count", "following", "behind"),
    [
        (2, 3, None, 13),
        (2, 3, 13, 13),
        (2, 3, 20, 13),  # the batches between were deleted by compaction
        (5, 3, 16, 16),  # so were records of this one
        (5, 3, None, None),
        (2**30 + 2, 3, 13, 13),
        (2**30, 2**30 + 1, 13, 13),
        (5, 3, 7, None),  # it is before this one: its offset is wrong
    ],
)
def test_the_offset_behind(last: int, count: int, following: int | None, behind: int) -> None:
    """A damaged number of records does not let messages be passed over."""
    data = bytearray(batch(record(0, b"x"), 1))
    data[:8], data[23:27], data[57:61] = (
        struct.pack(">q", 10),
        struct.pack(">i", last),
        struct.pack(">i", count),
    )
    parsed = MemoryRecords(bytes(data)).next_batch()
    assert offset_behind(parsed, bytes(data), following) == behind


def test_where_a_sound_batch_begins() -> None:
    sound = struct.pack(">q", 7) + batch(record(0, b"x"), 1)[8:]
    assert sound_offset(sound) == 7
    for data in (b"", sound[:-1], sound[1:] + sound, b"\0" * 99, sound[:-1] + b"y"):
        assert sound_offset(data) is None
