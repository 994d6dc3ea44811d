"""Record batches as producers of any kind may make them, read within bounds."""

from __future__ import annotations

import gzip
import resource
import struct
from collections.abc import Callable
from random import Random

import cramjam
import lz4.frame
import pytest
from backports import zstd

from pipeline.decode.damaged_batches import DamagedBatches
from pipeline.decode.record_batches import LARGEST, MOST, RecordBatch, RecordBatches
from pipeline.decode.splitting import Damaged
from tests.support.record_batches import GZIP, LZ4, SNAPPY, ZSTD, at, batch, record, varint


def xerial(data: bytes) -> bytes:
    """As Java's library writes it, in blocks."""
    found = b"\x82SNAPPY\0" + struct.pack(">ii", 1, 1)
    for start in range(0, len(data), 100):
        block = bytes(cramjam.snappy.compress_raw(data[start : start + 100]))
        found += struct.pack(">i", len(block)) + block
    return found


CODECS: dict[str, tuple[int, Callable[[bytes], bytes]]] = {
    "none": (0, bytes),
    "gzip": (GZIP, gzip.compress),
    "snappy": (SNAPPY, lambda data: bytes(cramjam.snappy.compress_raw(data))),
    "xerial": (SNAPPY, xerial),
    "lz4": (LZ4, lz4.frame.compress),
    "zstd": (ZSTD, zstd.compress),
}


def read(data: bytes) -> list[RecordBatch]:
    """The record batches of a fetch."""
    batches, found = RecordBatches(data), []
    while batches.has_next():
        found.append(batches.next_batch())
    return found


def values(data: bytes) -> list[bytes | None]:
    return [record.value for one in read(data) for record in one]


@pytest.mark.parametrize("codec", CODECS)
def test_every_codec(codec: str) -> None:
    """Two batches of a fetch, as aiokafka gives them."""
    number, compress = CODECS[codec]
    records = b"".join(record(n, b"flow %d" % n, b"key") for n in range(40))
    data = batch(compress(records), 40, number)
    found = [record for one in read(data * 2) for record in one]
    assert [one.value for one in found] == [b"flow %d" % n for n in range(40)] * 2
    assert [one.offset for one in found] == [*range(40)] * 2
    assert all(one.validate_crc() for one in read(data))


@pytest.mark.parametrize("codec", CODECS)
def test_the_name_of_a_header_that_is_not_utf8(codec: str) -> None:
    """Headers are not read where they cannot be: every record is there, with offset and key."""
    number, compress = CODECS[codec]
    odd = record(1, b"two", b"k", headers=[(b"\xff\xfe", b"x"), (b"", b"")])
    records = record(0, b"one") + odd + record(2, None)
    (one,) = read(batch(compress(records), 3, number))
    found = [(record.offset, record.key, record.value) for record in one]
    assert found == [(0, None, b"one"), (1, b"k", b"two"), (2, None, None)]


def test_records_before_the_damage_are_read() -> None:
    """What follows is one damaged value at the last offset, with its reason."""
    records = record(0, b"one") + record(1, b"two") + varint(999) + b"x" * 20
    *sound, damaged = [found for one in read(batch(records, 9)) for found in one]
    assert [found.value for found in sound] == [b"one", b"two"]
    assert damaged.offset == 8
    assert isinstance(damaged.value, Damaged)
    assert damaged.value.reason == (
        "the record batch of offsets 0 to 8 cannot be read from byte 81 on: a record of 999 bytes"
    )


@pytest.mark.parametrize("codec", [GZIP, SNAPPY, LZ4, ZSTD, 5, 6, 7])
def test_what_cannot_be_decompressed(codec: int) -> None:
    (damaged,) = values(batch(b"no such format" * 9, 4, codec))
    assert isinstance(damaged, Damaged)
    assert "the record batch of offsets 0 to 3 cannot be decompressed: " in damaged.reason


@pytest.mark.parametrize("codec", ["gzip", "lz4", "zstd", "xerial"])
def test_a_batch_that_is_a_thousand_times_as_large_inside(codec: str) -> None:
    """It is rejected as soon as it is too large."""
    number, compress = CODECS[codec]
    data = batch(_bomb(codec, compress), 1, number)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    (damaged,) = values(data)
    assert isinstance(damaged, Damaged)
    assert f"become more than {LARGEST}" in damaged.reason
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown << 10 < 2 * LARGEST


def _bomb(codec: str, compress: Callable[[bytes], bytes]) -> bytes:
    if codec == "xerial":
        block = bytes(cramjam.snappy.compress_raw(b"\0" * (LARGEST // 8)))
        head = b"\x82SNAPPY\0" + struct.pack(">ii", 1, 1)
        return head + (struct.pack(">i", len(block)) + block) * 9
    return compress(b"\0" * (LARGEST + 1))


def test_a_block_that_claims_gigabytes() -> None:
    (damaged,) = values(batch(b"\xff\xff\xff\xff\x0f" + b"x" * 50, 1, SNAPPY))
    assert isinstance(damaged, Damaged)
    assert "say that they become 4294967295" in damaged.reason


def test_millions_of_records_come_in_parts() -> None:
    """Not as so many objects at once."""
    count = 3 * MOST + 7
    records = b"".join(record(number, None) for number in range(count))
    (one,) = read(batch(zstd.compress(records), count, ZSTD))
    assert [len(part) for part in one.lists()] == [MOST, MOST, MOST, 7]


@pytest.mark.parametrize("codec", CODECS)
def test_whatever_is_changed(codec: str) -> None:
    """Values at offsets within the batch, and no other error than a damaged value."""
    number, compress = CODECS[codec]
    draw = Random(codec)
    records = compress(b"".join(record(n, b"flow", b"k", [(b"h", b"v")]) for n in range(20)))
    for _ in range(400):
        other = bytearray(records)
        for _ in range(draw.randrange(1, 4)):
            other[draw.randrange(len(other))] = draw.randrange(256)
        (one,) = read(batch(bytes(other[: draw.randrange(1, 2 * len(other))]), 20, number))
        parts = list(one.lists())
        assert all(0 <= part[0].offset <= part[-1].offset < 20 for part in parts)
        found = [record.value for part in parts for record in part]
        assert not any(isinstance(value, Damaged) for value in found[:-1])


def fetches(data: bytes, times: int) -> RecordBatches:
    """The last of some fetches of the same."""
    damaged = DamagedBatches()
    for _ in range(times):
        batches = RecordBatches(data, damaged)
        assert batches.has_next()
    return batches


def given(batches: RecordBatches) -> list[tuple[int, bytes | None]]:
    """What it gives, with offsets."""
    found = []
    while batches.has_next():
        found += [(one.offset, one.value) for one in batches.next_batch()]
    return found


def test_a_fetch_ends_before_a_damaged_batch() -> None:
    """What is sound before it is not read again with it."""
    batches = fetches(at(0) + at(2, damaged=True) + at(4), 1)
    assert batches.damage(0) == ""
    assert [offset for offset, _ in given(batches)] == [0, 1]
    assert batches.next_batch() is None


def test_a_damaged_batch_is_read_again_and_then_rejected() -> None:
    data = at(2, damaged=True) + at(4)
    for times in (1, 2):
        batches = fetches(data, times)
        said = "the record batch at offset 2 does not agree with its checksum"
        assert batches.damage(2) == said
        assert not batches.next_batch().validate_crc()
    batches = fetches(data, 3)
    assert batches.damage(2) == ""
    (where, damaged), *sound = given(batches)
    assert (where, sound) == (3, [(4, b"flow"), (5, b"flow")])
    assert isinstance(damaged, Damaged)
    assert damaged.reason == ("the record batch of offsets 2 to 3 does not agree with its checksum")
    assert damaged == data[: len(at(2))]


def test_a_damaged_control_batch_is_no_marker() -> None:
    """Its attributes may be what is damaged: nothing is done for them."""
    data = bytearray(at(0))
    data[22] ^= 0x30  # of a transaction, and a marker
    one = fetches(bytes(data), 3).next_batch()
    assert one.validate_crc()
    assert (one.is_control_batch, one.is_transactional, one.producer_id) == (False, False, None)


def test_nothing_behind_a_damaged_batch_can_be_read() -> None:
    """A reader that went on behind it and is given it again does not turn in a circle unheard."""
    data = at(0, damaged=True) + b"\0" * 200
    batches = fetches(data, 3)
    assert batches.damage(0) == ""
    assert batches.damage(2).endswith("checksum, and what follows it cannot be read")
    assert fetches(at(0, damaged=True) + at(2), 3).damage(2) == ""


def test_what_is_not_a_batch_at_all() -> None:
    """It is said, where aiokafka's parser fails while it goes through all partitions."""
    data = bytearray(at(3))
    data[8:12] = (5).to_bytes(4, "big")  # shorter than its head
    batches = fetches(bytes(data), 5)
    assert batches.damage(3) == "the record batch at offset 3 does not agree with its checksum"
    assert not batches.next_batch().validate_crc()


def test_every_bit_of_a_damaged_batch() -> None:
    """From its checksum on. Behind it, the sound one is read."""
    sound = at(0)
    for bit in range(17 * 8, len(sound) * 8):
        other = bytearray(sound)
        other[bit >> 3] ^= 1 << (bit & 7)
        assert fetches(bytes(other) + at(2), 1).damage(0)
        (_, damaged), *rest = given(fetches(bytes(other) + at(2), 3))
        assert isinstance(damaged, Damaged)
        assert rest == [(2, b"flow"), (3, b"flow")]
