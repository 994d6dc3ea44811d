"""What aiokafka has fetched, handed over as the payloads of a poll instead of record by record.

Beside `private`, the one module that uses private parts of aiokafka.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any
from weakref import proxy

from aiokafka.consumer.fetcher import FetchError
from aiokafka.errors import CorruptRecordException

from pipeline.decode.record_batches import RecordBatch
from pipeline.kafka.batch import TopicPartition

POLL_RECORDS = 20_000
"""Records of a partition after which a poll takes no more of it."""


class Fetched:
    """The payloads of a poll of one partition, and their offsets.

    The reader stood at offset `start` before them and at `end` after them; there may be none in
    between (control batches, aborted transactions, compacted records).
    """

    def __init__(self, start: int) -> None:
        self.start = self.end = start
        self.missing: list[tuple[int, int]] = []
        """The first and last offsets in between that the broker did not give."""
        self.payloads: list[bytes] = []
        self.offsets: list[int] = []

    def add(self, records: Sequence[Any]) -> None:
        """Take what is needed of records; the objects are let go before there are many of them."""
        if not records:
            return
        self.payloads += [record.value or b"" for record in records]
        first, last = records[0].offset, records[-1].offset
        without_holes = last - first + 1 == len(records)
        self.offsets += (
            range(first, last + 1) if without_holes else [record.offset for record in records]
        )

    def __len__(self) -> int:
        return int(self.end > self.start)


class BatchingRecords(OrderedDict[TopicPartition, Any]):
    """aiokafka's fetched data; those of some topics are handed over as `Fetched`.

    A damaged record batch is an error that is raised when no other partition has records: aiokafka
    would find it while it goes through all of them, and lose what it has of the others.

    aiokafka's own way stops at each record and makes a ConsumerRecord of it, which takes longer
    (about 2 us) than all else that is done to a record.
    """

    def __init__(self, topics: frozenset[str]) -> None:
        super().__init__()
        self._topics = topics

    def __setitem__(self, tp: TopicPartition, result: Any) -> None:
        found = getattr(result, "_partition_records", None)
        if found is not None:
            end = result._assignment.state_value(tp).highwater
            found._records.follow(f"{tp.topic}[{tp.partition}]", found.next_fetch_offset, end)
        if found is not None and (damage := found._records.damage(found.next_fetch_offset)):
            where = f"{tp.topic}[{tp.partition}]: {damage}"
            result = FetchError(error=CorruptRecordException(where), backoff=result._backoff)
        elif found is not None and tp.topic in self._topics:
            found._records = _RecordBatches(found._records)
            # Not in cycles: each holds megabytes, until a collector comes that has little to do.
            found._consumer_record = partial(_fresh, proxy(found))
            result.getall = partial(_take, proxy(result))
        super().__setitem__(tp, result)


class _RecordBatches:
    """Fetched record batches, whose items are lists of their records."""

    def __init__(self, batches: Any) -> None:
        self.has_next = batches.has_next
        self._batches = batches

    def take_missing(self) -> list[tuple[int, int]]:
        """What is missing in what was given since the last time."""
        missing = list(self._batches.missing)
        self._batches.missing.clear()
        return missing

    def next_batch(self) -> _OneItem:
        return _OneItem(self._batches.next_batch())


class _OneItem:
    """A record batch as aiokafka's reader wants it, which goes through it record by record.

    What it goes through here are lists of its records.
    """

    def __init__(self, batch: Any) -> None:
        self._batch = batch

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    def __next__(self) -> Any:
        return next(self._batch)  # of a control batch

    def __iter__(self) -> Iterator[_Records]:
        return map(_Records, _lists(self._batch))


def _lists(batch: Any) -> Iterator[list[Any]]:
    if isinstance(batch, RecordBatch):
        return batch.lists()
    return iter([records] if (records := list(batch)) else [])


class _Records(list[Any]):
    """Records of a record batch; as one record, it is at the offset of the last one."""

    @property
    def offset(self) -> int:
        offset: int = self[-1].offset
        return offset


def _fresh(found: Any, _tp: TopicPartition, records: _Records) -> list[Any]:
    """The records that were not handed over before (the broker sends whole record batches)."""
    start = found.next_fetch_offset
    if records[0].offset >= start:
        return records
    return [record for record in records if record.offset >= start]


def _take(result: Any, _most: int) -> Fetched | list[Any]:
    """FetchResult.getall: no more lists of records than hold POLL_RECORDS."""
    if not result.check_assignment(result._topic_partition) or not result.has_more():
        return []
    batches = result._partition_records
    fetched = Fetched(batches.next_fetch_offset)
    is_read = False
    for records in batches:
        fetched.add(records)
        if len(fetched.payloads) >= POLL_RECORDS:
            break
    else:
        is_read = True
    result._update_position()
    fetched.end = batches.next_fetch_offset
    fetched.missing = batches._records.take_missing()
    if is_read:
        result._partition_records = None
    return fetched
