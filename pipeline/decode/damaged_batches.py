"""Record batches that do not agree with their checksum: read again, then rejected.

A byte that changed on the way comes right when it is read again; one that changed on the disk of a
broker comes as it is each time. Java's consumer stops there until somebody seeks past the batch.

Layout: https://kafka.apache.org/documentation/#recordbatch
"""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import Any

from aiokafka.errors import CorruptRecordException
from aiokafka.record.memory_records import MemoryRecords

TIMES = 3
"""So often the same bytes come until they are taken for what the broker has."""

_KEPT = 1_000
_LAST_DELTA, _COUNT = slice(23, 27), slice(57, 61)


class DamagedBatches:
    """Those that were read, by what they hold, and how often the same bytes came."""

    def __init__(self) -> None:
        self._times: Counter[bytes] = Counter()

    def lasting(self, raw: bytes) -> bool:
        """Note that a damaged batch was read; whether it will not come right any more."""
        if len(self._times) >= _KEPT:
            self._times.clear()
        digest = hashlib.blake2b(raw, digest_size=16).digest()
        self._times[digest] += 1
        return self._times[digest] >= TIMES


def offset_behind(batch: Any, raw: bytes, following: int | None) -> int | None:
    """The offset behind a damaged batch, as two numbers in it or the batch that follows say.

    None where neither can be relied on: messages that are sound could be passed over.
    """
    records = int.from_bytes(raw[_COUNT], "big")
    own = int(batch.next_offset) if int.from_bytes(raw[_LAST_DELTA], "big") == records - 1 else None
    if following is None or following <= batch.base_offset:
        return own
    return following if own is None else min(own, following)


def sound_offset(data: bytes) -> int | None:
    """The first offset of a record batch that agrees with its checksum; None where none begins."""
    try:
        batches = MemoryRecords(data)
        batch = batches.next_batch() if batches.has_next() else None
        return int(batch.base_offset) if batch is not None and batch.validate_crc() else None
    except CorruptRecordException:
        return None
