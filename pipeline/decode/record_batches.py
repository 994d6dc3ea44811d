"""Record batches of Kafka, read within bounds and in spite of what a producer put there.

A broker takes what any producer sends, if its lengths add up. aiokafka's own way would decompress
all of it at once (65 kB may be 2 GB), make an object of each record before the first is used, and
fail on the name of a header that is not UTF-8, which ends a membership, and the next one.

Layout: https://kafka.apache.org/documentation/#recordbatch
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from itertools import chain, islice
from typing import Any, NamedTuple

import cramjam
from aiokafka.consumer import fetcher
from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import DefaultRecordBatch
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.record.util import decode_varint_py

from pipeline.decode.batch_place import BatchPlace
from pipeline.decode.compression import Compression, DamagedError, FormatError, decompress
from pipeline.decode.damaged_batches import DamagedBatches, offset_behind, sound_offset
from pipeline.decode.splitting import MAX_BYTES, Damaged

LARGEST = 8 * MAX_BYTES
"""Bytes of a record batch when it is decompressed; one that has more is rejected."""

MOST = 1_000
"""Records of a batch that are made at once: of many, the collector of cycles would look at each."""

_HEAD, _BEFORE_LENGTH, _CODEC_AT = 61, 12, 22
_CODEC, _SNAPPY = 0b111, 2
_CODECS: dict[int, Compression] = {1: "gzip", 3: "lz4", 4: "zstd"}
_XERIAL, _XERIAL_HEAD = b"\x82SNAPPY\0", 16
_MAGIC_WITH_HEADERS = 2
_OFFSET_BYTES, _MAGIC_AT = 8, 16
_DAMAGE = "does not agree with its checksum"


class Record(NamedTuple):
    """A record as aiokafka has it, where its own parser did not read the batch to the end."""

    offset: int
    value: bytes | None
    key: bytes | None = None
    timestamp: int = -1
    timestamp_type: int = 0
    checksum: None = None
    headers: tuple[()] = ()


def read_within_bounds() -> None:
    """Let the consumers of aiokafka in this process read record batches this way."""
    fetcher.MemoryRecords = partial(RecordBatches, damaged=DamagedBatches())


class RecordBatches(MemoryRecords):  # type: ignore[misc] # it is a class of Cython
    """The record batches of a fetch. `damaged` knows those of the fetches before it.

    One that does not agree with its checksum ends the fetch before it, so that the next fetch
    begins with it; when it lasts, it is one `Damaged` value.
    """

    def __init__(self, data: bytes, damaged: DamagedBatches | None = None) -> None:
        super().__init__(data)
        self._data, self._at = data, 0
        self._damaged = damaged or DamagedBatches()
        self._held: Any = None
        self._given = False
        self._place: BatchPlace | None = None

    def follow(self, where: str, position: int, end: int | None) -> None:
        """Hold what comes against the offset that was asked for, and the end of the partition."""
        self._place = BatchPlace(where, position, end)

    @property
    def missing(self) -> list[tuple[int, int]]:
        """The first and last offsets, in what was given so far, that the broker did not give."""
        return self._place.missing if self._place else []

    def damage(self, position: int) -> str:
        """What is wrong with the first batch when a reader at this offset cannot go on with it."""
        first = self._held if self.has_next() else None
        return first.damage(position) if isinstance(first, DamagedBatch) else ""

    def has_next(self) -> bool:
        """Whether there is one that can be used, or the first one."""
        if self._held is None and super().has_next():
            self._held = self._read()
        return self._held is not None and (not self._given or _usable(self._held))

    def next_batch(self) -> Any:
        """The next one. Those of brokers before 0.11 stay as aiokafka reads them."""
        if not self.has_next():
            return None
        batch, self._held, self._given = self._held, None, True
        if self._place and type(batch) is RecordBatch:
            batch = self._place.put(batch, self._following)
        elif self._place:
            self._place.behind(batch)
        return batch

    def _following(self) -> int | None:
        return sound_offset(self._data[self._at :])

    def _read(self) -> Any:
        start, length_at = self._at, self._at + _BEFORE_LENGTH
        self._at = length_at + int.from_bytes(self._data[length_at - 4 : length_at], "big")
        raw = self._data[start : self._at]
        try:
            batch = super().next_batch()
        except CorruptRecordException:
            return DamagedBatch(None, raw)
        if batch.magic < _MAGIC_WITH_HEADERS:
            if batch.validate_crc():
                return batch
            raw = raw[:_MAGIC_AT] + bytes([_MAGIC_WITH_HEADERS]) + raw[_MAGIC_AT + 1 :]
            batch = MemoryRecords(raw).next_batch()  # what says its form is not under its checksum
        if batch.validate_crc():
            return RecordBatch(batch, raw)
        if not self._damaged.lasting(raw):
            return DamagedBatch(batch, raw)
        following = self._following()
        behind = offset_behind(batch, raw, following)
        return DamagedBatch(batch, raw, behind, followed=following is not None)


def _usable(batch: Any) -> bool:
    return not isinstance(batch, DamagedBatch) or batch.validate_crc()


class RecordBatch:
    """A record batch; what aiokafka's parser knows of its head is that parser's."""

    def __init__(self, parsed: Any, raw: bytes) -> None:
        self._parsed, self._raw = parsed, raw

    def validate_crc(self) -> bool:
        """Whether it may be used; it was compared with its checksum before."""
        return True

    def at(self, offset: int) -> RecordBatch:
        """The same as of another offset."""
        raw = offset.to_bytes(_OFFSET_BYTES, "big", signed=True) + self._raw[_OFFSET_BYTES:]
        return RecordBatch(MemoryRecords(raw).next_batch(), raw)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._parsed, name)

    def __next__(self) -> Any:
        return next(self._parsed)  # of a control batch, which a broker makes

    def __iter__(self) -> Iterator[Any]:
        return chain.from_iterable(self.lists())

    def lists(self) -> Iterator[list[Any]]:
        """Its records in lists of MOST; what cannot be read is one `Damaged` value at the end."""
        try:
            plain = _plain(self._raw)
        except (DamagedError, FormatError, cramjam.DecompressionError) as error:
            yield [self._damaged(self._raw, f"cannot be decompressed: {error}")]
            return
        first, last = self._parsed.base_offset, self._parsed.next_offset - 1
        given = 0
        try:
            for records in _cut(DefaultRecordBatch(plain)):
                if not first <= records[0].offset <= records[-1].offset <= last:
                    break
                yield records
                given += len(records)
            else:
                return
        except (ArithmeticError, MemoryError, ValueError, CorruptRecordException):
            pass
        yield from _cut(islice(self._one_by_one(plain), given, None))

    def _one_by_one(self, plain: bytes) -> Iterator[Record]:
        """The records, their headers unread."""
        at, least = _HEAD, 0
        while at < len(plain):
            try:
                delta, stamp, key, value, end = _record(plain, at)
                _check(delta, least, self._parsed.last_offset_delta)
            except (IndexError, ValueError) as error:
                yield self._damaged(plain[at:], f"cannot be read from byte {at} on: {error}")
                return
            offset = self._parsed.base_offset + delta
            yield Record(offset, value, key, self._parsed.first_timestamp + stamp)
            at, least = end, delta + 1

    def _damaged(self, data: bytes, why: str) -> Record:
        last = self.next_offset - 1
        reason = f"the record batch of offsets {self.base_offset} to {last} {why}"
        return Record(last, Damaged.because(data or b"\0", reason, last=False))


class DamagedBatch(RecordBatch):
    """One that does not agree with its checksum; nothing but its offsets is relied on.

    `behind`: the offset that follows it, once it is not read again. `followed`: by a sound one.
    """

    is_control_batch = is_transactional = False
    producer_id = None

    def __init__(
        self, parsed: Any, raw: bytes, behind: int | None = None, *, followed: bool = False
    ) -> None:
        super().__init__(parsed, raw)
        self.base_offset = int.from_bytes(raw[:_OFFSET_BYTES], "big", signed=True)
        self.next_offset = self.base_offset if behind is None else behind
        self._lasting, self._followed = behind is not None, followed

    def damage(self, position: int) -> str:
        """What is wrong with it; "" when a reader at this offset goes on behind it."""
        if self._lasting and (self._followed or self.next_offset > position):
            return ""
        where = f"the record batch at offset {self.base_offset} {_DAMAGE}"
        return f"{where}, and what follows it cannot be read" if self._lasting else where

    def validate_crc(self) -> bool:
        """Whether it is to be rejected; otherwise it is read again."""
        return self._lasting

    def lists(self) -> Iterator[list[Any]]:
        """One damaged value at its last offset."""
        yield [self._damaged(self._raw, _DAMAGE)]


def _cut(records: Iterable[Any]) -> Iterator[list[Any]]:
    left = chain(records)  # an iterator of aiokafka's cannot be asked for itself twice
    while found := list(islice(left, MOST)):
        yield found


def _check(delta: int, least: int, last: int) -> None:
    if not least <= delta <= last:
        raise ValueError(f"a record of number {delta}")


def _record(data: bytes, at: int) -> tuple[int, int, bytes | None, bytes | None, int]:
    """Number in its batch, time after the batch's, key, value, and where it ends."""
    size, at = decode_varint_py(data, at)
    end = at + size
    if size < 0 or end > len(data):
        raise ValueError(f"a record of {size} bytes")
    stamp, at = decode_varint_py(data, at + 1)  # behind the attributes
    delta, at = decode_varint_py(data, at)
    key, at = _field(data, at, end)
    value, _ = _field(data, at, end)
    return delta, stamp, key, value, end


def _field(data: bytes, at: int, end: int) -> tuple[bytes | None, int]:
    size, at = decode_varint_py(data, at)
    if size < 0:
        return None, at
    if at + size > end:
        raise ValueError(f"a field of {size} bytes")
    return data[at : at + size], at + size


def _plain(raw: bytes) -> bytes:
    """A batch that is not compressed. Raises DamagedError, FormatError, DecompressionError."""
    codec = raw[_CODEC_AT] & _CODEC
    if not codec:
        return raw
    data = raw[_HEAD:]
    if codec == _SNAPPY:
        pieces = _snappy(data)
    elif codec in _CODECS:
        pieces = decompress([data], _CODECS[codec])
    else:
        raise DamagedError(f"{codec} is not a codec")
    found, size = (
        [raw[:_CODEC_AT], bytes([raw[_CODEC_AT] & ~_CODEC]), raw[_CODEC_AT + 1 : _HEAD]],
        0,
    )
    for piece in pieces:
        size += len(piece)
        if size > LARGEST:
            raise DamagedError(f"{len(data)} bytes become more than {LARGEST}")
        found.append(piece)
    return b"".join(found)


def _snappy(data: bytes) -> Iterator[bytes]:
    """One block, or several behind their lengths as xerial's library (Java) writes them."""
    blocks = [data]
    if data.startswith(_XERIAL):
        blocks, at = [], _XERIAL_HEAD
        while at < len(data):
            size = int.from_bytes(data[at : at + 4], "big")
            blocks.append(data[at + 4 : at + 4 + size])
            at += 4 + size
    for block in blocks:
        claimed = sum((byte & 0x7F) << 7 * place for place, byte in enumerate(_leading(block)))
        if claimed > LARGEST:
            raise DamagedError(f"{len(data)} bytes say that they become {claimed}")
        yield bytes(cramjam.snappy.decompress_raw(block))


def _leading(block: bytes) -> bytes:
    """The bytes of the varint at the start of a block."""
    end = next((place for place, byte in enumerate(block[:5]) if byte < 0x80), 4)
    return block[: end + 1]
