"""Faust's transport with one event per batch of a partition, instead of one per message.

Stock Faust makes two tasks, a queue entry and an acknowledgement for each message (about 200 us).
Here the records that a poll gives of a flow topic's partition become one pseudo-record, whose value
is a `Batch`, before Faust sees them. Folding and seeking both happen in the consumer's thread, so
a batch can say where the reader stood before it: nothing can get lost unnoticed in between.

What else differs from the stock transport: partitions begin where the counts end, never at the
group's committed offset; a full buffer makes the reader wait, where Faust would stop fetching for a
second; offsets are committed by `commit`, which refuses to when the group has moved on.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterator, Mapping
from functools import partial
from itertools import chain
from typing import Any, ClassVar

from aiokafka import ConsumerRecord
from aiokafka.errors import IllegalGenerationError, RebalanceInProgressError, UnknownMemberIdError
from aiokafka.structs import OffsetAndMetadata
from faust.serializers.schemas import Schema
from faust.transport.drivers import aiokafka as stock
from faust.types import TP

from pipeline.kafka.batch import Batch, GapError, TopicPartition

POLL_RECORDS = 20_000
"""Records of a partition after which a poll takes no further batch of them."""


class PassThrough(Schema[Any, Any]):
    """Keys and values as they are: a folded value is no text to parse."""

    def loads_key(self, app: Any, message: Any, **_: Any) -> Any:
        """The key as it is."""
        return message.key

    def loads_value(self, app: Any, message: Any, **_: Any) -> Any:
        """The value as it is."""
        return message.value


class _Bare(OrderedDict[TopicPartition, Any]):
    """aiokafka's fetched data; of flow topics it is handed over as its parser made it.

    A generator that stops at each record and makes a ConsumerRecord of it takes longer (about 2 us)
    than all else that is done to a record.
    """

    def __init__(self, topics: frozenset[str]) -> None:
        super().__init__()
        self._topics = topics

    def __setitem__(self, tp: TopicPartition, result: Any) -> None:
        found = getattr(result, "_partition_records", None)
        if found is not None and tp.topic in self._topics:
            found._records = _Runs(found._records)  # noqa: SLF001 - it has no other way
            found._consumer_record = partial(_fresh, found)  # noqa: SLF001 - same
            result.getall = partial(_taken, result)
        super().__setitem__(tp, result)


class _Runs:
    """Fetched record batches, each with one item: the run of its records."""

    def __init__(self, batches: Any) -> None:
        self.has_next = batches.has_next
        self._batches = batches

    def next_batch(self) -> _OneRun:
        return _OneRun(self._batches.next_batch())


class _OneRun:
    """A record batch as aiokafka's reader wants it, which goes through it record by record."""

    def __init__(self, batch: Any) -> None:
        self._batch = batch

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    def __next__(self) -> Any:
        return next(self._batch)  # of a control batch

    def __iter__(self) -> Iterator[_Run]:
        run = _Run(self._batch)
        return iter([run] if run else [])


class _Run(list[Any]):
    """Records of a batch; as a record, it is at the offset of the last one."""

    @property
    def offset(self) -> int:
        offset: int = self[-1].offset
        return offset


def _fresh(found: Any, _tp: TopicPartition, run: _Run) -> list[Any]:
    """The records of a run that were not handed over before (the broker sends whole batches)."""
    start = found.next_fetch_offset
    if run[0].offset >= start:
        return run
    return [record for record in run if record.offset >= start]


def _taken(result: Any, most: int) -> list[list[Any]]:
    """FetchResult.getall of runs: at most so many, and no more than hold POLL_RECORDS."""
    if not result.check_assignment(result._topic_partition) or not result.has_more():  # noqa: SLF001
        return []
    runs, count = [], 0
    for run in result._partition_records:  # noqa: SLF001 - as getall does
        runs.append(run)
        count += len(run)
        if count >= POLL_RECORDS or len(runs) == most:
            result._update_position()  # noqa: SLF001 - same
            return runs
    result._update_position()  # noqa: SLF001 - same
    result._partition_records = None  # noqa: SLF001 - same
    return runs


class _Thread(stock.AIOKafkaConsumerThread):
    consumer: FoldingConsumer
    logger = logging.getLogger("faust.consumer")

    def __post_init__(self) -> None:
        super().__post_init__()
        self._stands: dict[TP, int] = {}

    async def on_start(self) -> None:
        """Let aiokafka hand over the records of flow topics as its parser made them."""
        await super().on_start()
        fetcher = self._ensure_consumer()._fetcher  # noqa: SLF001 - it has no other way
        fetcher._records = _Bare(self.consumer.transport.folded)  # noqa: SLF001 - same

    async def _fetch_records(self, *args: Any, **kwargs: Any) -> Any:
        records = await super()._fetch_records(*args, **kwargs)
        folded = self.consumer.transport.folded
        return {
            tp: [self._fold(tp, list(chain.from_iterable(found)))] if tp.topic in folded else found
            for tp, found in records.items()
        }

    def _fold(self, tp: TP, records: list[Any]) -> ConsumerRecord:
        first, end = records[0].offset, records[-1].offset + 1
        start = self._stands.get(tp, first)
        if first < start:
            raise GapError(f"{TopicPartition(*tp)} begins again at {first}, it had been at {start}")
        whole = end - first == len(records)
        offsets = range(first, end) if whole else [record.offset for record in records]
        batch = Batch.of(start, offsets, [record.value or b"" for record in records])
        self._stands[tp] = batch.end
        last = records[-1]
        stamp, kind = last.timestamp, last.timestamp_type
        return ConsumerRecord(
            tp.topic, tp.partition, last.offset, stamp, kind, None, batch, None, -1, -1, ()
        )

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """Put every partition to where its counts end."""
        sought: dict[TP, int] = await self._call(self._seek())
        return sought

    async def _seek(self) -> dict[TP, int]:
        consumer = self._ensure_consumer()
        assigned = consumer.assignment()
        found = {TP(*where): at for where, at in self.consumer.transport.positions().items()}
        sought = {tp: at for tp, at in found.items() if TopicPartition(*tp) in assigned}
        self._stands = dict(sought)
        for tp, position in sought.items():
            consumer.seek(TopicPartition(*tp), position)
        return sought

    async def commit_in(self, generation: int, offsets: Mapping[TopicPartition, int]) -> bool:
        """Commit offsets as a member of that generation; False when the group has moved on."""
        taken: bool = await self._call(self._commit_in(generation, offsets))
        return taken

    async def _commit_in(self, generation: int, offsets: Mapping[TopicPartition, int]) -> bool:
        consumer = self._ensure_consumer()
        coordinator = consumer._coordinator  # noqa: SLF001 - its public commit has no generation
        await coordinator.ensure_coordinator_known()
        subscription = consumer._subscription.subscription  # noqa: SLF001 - same
        if coordinator.generation != generation or subscription.assignment is None:
            return False
        named = {TopicPartition(*w): OffsetAndMetadata(at, "") for w, at in offsets.items()}
        try:
            await coordinator._do_commit_offsets(subscription.assignment, named)  # noqa: SLF001
        except (IllegalGenerationError, RebalanceInProgressError, UnknownMemberIdError):
            return False
        return True

    async def _call(self, work: Any) -> Any:
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self.thread_loop))


class FoldingConsumer(stock.Consumer):
    """A consumer whose flow topics come folded."""

    transport: FoldingTransport
    logger = logging.getLogger("faust.consumer")
    _thread: _Thread

    @property
    def name_in_group(self) -> str:
        """The member id, which the group gives anew when it does not know us any more."""
        return str(self._thread._ensure_consumer()._coordinator.member_id)  # noqa: SLF001 - same

    def _new_consumer_thread(self) -> _Thread:
        return _Thread(self, loop=self.loop, beacon=self.beacon)

    def on_buffer_full(self, tp: TP) -> None:
        """Let the reader wait for room."""

    def on_buffer_drop(self, tp: TP) -> None:
        """Nothing was stopped."""

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Faust's watch over acknowledged messages has nothing to see."""

    def commit_in(self, generation: int, offsets: Mapping[TopicPartition, int]) -> Awaitable[bool]:
        """Commit offsets as a member of that generation; False when the group has moved on.

        Raises KafkaError when no answer came.
        """
        return self._thread.commit_in(generation, offsets)


class FoldingTransport(stock.Transport):
    """A transport whose `folded` topics come as batches and begin at `positions()`."""

    Consumer: ClassVar[Any] = FoldingConsumer
    folded: frozenset[str] = frozenset()
    positions: Callable[[], Mapping[TopicPartition, int]]


__all__ = ["Batch", "FoldingConsumer", "FoldingTransport", "PassThrough"]
