"""Faust's transport with one event for batches of partitions, instead of one per message.

Stock Faust makes two tasks, a queue entry and an acknowledgement for each message (about 200 us).
Here the records that a poll gives of a flow topic become pseudo-records before Faust sees them: one
for each partition of which there are many, and one for all others. Its value is `Batches`, and it
is told to Faust as of the first of their partitions. A batch says where the reader stood before and
after it, so nothing can get lost unnoticed in between, and what comes twice is counted once.

What else differs from the stock transport: partitions begin where the counts end, never at the
group's committed offset; a full buffer makes the reader wait, where Faust would stop fetching for a
second; offsets are committed by `commit_as`, which refuses to when the group has moved on.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, ClassVar

from aiokafka import ConsumerRecord
from aiokafka.client import ConnectionGroup
from aiokafka.errors import KafkaError
from faust.serializers.schemas import Schema
from faust.transport.drivers import aiokafka as stock
from faust.types import TP

from pipeline.decode.record_batches import read_within_bounds
from pipeline.kafka.batch import Batch, TopicPartition
from pipeline.kafka.epochs import Newest, newest
from pipeline.kafka.metadata import Topic, describe
from pipeline.runtime.faust import private
from pipeline.runtime.faust.answer_watch import Awaited
from pipeline.runtime.faust.fetched import Fetched
from pipeline.runtime.faust.private import Hold

_log = logging.getLogger("faust.consumer")


class PassThrough(Schema[Any, Any]):
    """Keys and values as they are: a batch is no text to parse."""

    def loads_key(self, app: Any, message: Any, **_: Any) -> Any:
        """The key as it is."""
        return message.key

    def loads_value(self, app: Any, message: Any, **_: Any) -> Any:
        """The value as it is."""
        return message.value


_IDLE, _BUSY = Hold(1, 250), Hold(256 * 1024, 100)
"""How a broker holds fetches: for the first message, and for more of them while some come.

To fetch few messages costs about as much as many. Faust's 1500 ms delay what comes next.
"""

_RETRY_SECONDS = 1.0

_FEW = 1_000
"""Messages of a partition from which on a poll's batch of it is an event by itself."""

Batches = dict[TopicPartition, Batch]
"""Batches of partitions of one topic."""


class _Thread(stock.AIOKafkaConsumerThread):
    consumer: BatchingConsumer
    logger = _log
    fetch_error: KafkaError | None = None
    _fetches: set[asyncio.Future[Any]]

    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        committed = self.consumer.transport.committed
        private.read_as(consumer, committed=committed)
        return consumer

    async def on_start(self) -> None:
        """Let aiokafka hand over the records of flow topics as its parser made them."""
        self._fetches = set()
        read_within_bounds()
        await super().on_start()
        client = self._ensure_consumer()
        private.batch_records(client, self.consumer.transport.batched)
        private.hold_fetches(client, _IDLE)

    async def on_thread_stop(self) -> None:
        """Stop the client, and end its connections, also where it has failed."""
        if self._consumer is not None:
            private.forget_crash(self._consumer)
        await super().on_thread_stop()

    async def _fetch_records(self, *args: Any, **kwargs: Any) -> Any:
        fetch = asyncio.ensure_future(super()._fetch_records(*args, **kwargs))
        self._fetches.add(fetch)
        try:
            records = await fetch
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            return {}  # ended by a seek
        except KafkaError as error:  # of a fetch, or of the coordinator
            self.fetch_error = error
            await asyncio.sleep(_RETRY_SECONDS)
            return {}
        finally:
            self._fetches.discard(fetch)
        private.hold_fetches(self._ensure_consumer(), _BUSY if records else _IDLE)
        return events(records)

    async def _seek_wait(self, consumer: Any, partitions: Mapping[TP, int]) -> None:
        self._end_fetches()
        await super()._seek_wait(consumer, partitions)

    def _end_fetches(self) -> None:
        """End the fetches under way: what they would take from now on might never be handled.

        In a rebalance Faust turns away from a fetch without ending it. Left to itself, the fetch
        would take records that come after the seek, and a recovery would wait for them for ever.
        """
        for fetch in self._fetches:
            fetch.cancel()

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """Put every partition to where its counts end."""
        return await self.seek_partitions(self.consumer.transport.positions())

    async def seek_partitions(self, positions: Mapping[TopicPartition, int]) -> dict[TP, int]:
        """Put partitions to these offsets, as far as they are assigned; which ones."""
        sought: dict[TP, int] = await self.in_thread(self._seek(positions))
        return sought

    async def _seek(self, positions: Mapping[TopicPartition, int]) -> dict[TP, int]:
        consumer = self._ensure_consumer()
        self._end_fetches()
        assigned = consumer.assignment()
        sought = {TP(*where): at for where, at in positions.items() if where in assigned}
        for tp, position in sought.items():
            consumer.seek(TopicPartition(*tp), position)
        return sought

    async def in_thread(self, work: Any) -> Any:
        """Run a coroutine in the consumer's thread."""
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self.thread_loop))


def events(records: Mapping[TP, Any]) -> dict[TP, list[Any]]:
    """What a poll gave, by partition, as Faust is to have it; records that are not `Fetched` stay.

    A pseudo-record's value is `Batches`.
    """
    made: dict[TP, list[Any]] = {}
    few: dict[str, Batches] = {}
    for tp, found in records.items():
        if not isinstance(found, Fetched):
            made[tp] = found
        elif len(found.payloads) < _FEW:
            few.setdefault(tp.topic, {})[TopicPartition(*tp)] = _batch(found)
        else:
            made[tp] = [_pseudo_record({TopicPartition(*tp): _batch(found)})]
    return made | {TP(*next(iter(some))): [_pseudo_record(some)] for some in few.values()}


def _batch(fetched: Fetched) -> Batch:
    batch = Batch.of(fetched.start, fetched.end, fetched.offsets, fetched.payloads)
    return batch._replace(missing=fetched.missing) if fetched.missing else batch


def _pseudo_record(batches: Batches) -> ConsumerRecord:
    where, first = next(iter(batches.items()))
    return ConsumerRecord(*where, first.end - 1, 0, 0, None, batches, None, -1, -1, ())


class BatchingConsumer(stock.Consumer):
    """A consumer whose flow topics come as batches."""

    transport: BatchingTransport
    logger = _log
    _thread: _Thread

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._readable = asyncio.Event()
        super().__init__(*args, **kwargs)
        private.deliver_all(self, self.transport.batched)

    def _new_consumer_thread(self) -> _Thread:
        return _Thread(self, loop=self.loop, beacon=self.beacon)

    def resume_flow(self) -> None:
        """Go on with what may be read."""
        super().resume_flow()
        self._readable.set()

    def resume_partitions(self, tps: Iterable[TP]) -> None:
        """Read these partitions too, at once."""
        super().resume_partitions(tps)
        self._readable.set()

    async def _wait_next_records(self, *args: Any, **kwargs: Any) -> tuple[Any, Any]:
        """Wait until there is something to read; stock Faust looks for it once a second."""
        while not (self.flow_active and self._get_active_partitions()):
            self._readable.clear()
            if await self.wait_for_stopped(self._readable.wait()):
                return None, None
        found: tuple[Any, Any] = await super()._wait_next_records(*args, **kwargs)
        return found

    def highwater(self, tp: TP) -> int:
        """The end that Faust shows of a partition; 0 when it has gone since its records came."""
        try:
            return int(super().highwater(tp) or 0)
        except AssertionError:
            return 0

    def on_buffer_full(self, tp: TP) -> None:
        """Let the reader wait for room."""

    def on_buffer_drop(self, tp: TP) -> None:
        """Nothing was stopped."""

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Faust's watch over acknowledged messages has nothing to see."""

    async def read_again(self, positions: Mapping[TopicPartition, int]) -> None:
        """Throw away what was fetched of these partitions and read on from these offsets."""
        await self._thread.seek_partitions(positions)

    async def describe(self, topics: Collection[str]) -> Mapping[str, Topic]:
        """These topics as a broker knows them now. Raises KafkaError.

        Asked beside the fetches: an answer would come behind that to a fetch that is held.
        """
        client = private.client_of(private.aiokafka_consumer(self))
        asking = describe(client, topics, ConnectionGroup.COORDINATION)
        found: Mapping[str, Topic] = await self._thread.in_thread(asking)
        return found

    async def bounds(
        self, wheres: Collection[TopicPartition]
    ) -> dict[TopicPartition, tuple[int, int]]:
        """The first offsets of partitions, and the next ones to come. Raises KafkaError."""
        client = private.aiokafka_consumer(self)
        firsts = await self._thread.in_thread(client.beginning_offsets(list(wheres)))
        ends = await self._thread.in_thread(client.end_offsets(list(wheres)))
        return {where: (firsts[where], ends[where]) for where in wheres}

    async def newest(self, wheres: Collection[TopicPartition]) -> dict[TopicPartition, Newest]:
        """What the newest leaders of partitions have written. Raises KafkaError."""
        client = private.client_of(private.aiokafka_consumer(self))
        found: dict[TopicPartition, Newest] = await self._thread.in_thread(newest(client, wheres))
        return found

    async def awaited(self) -> Awaited:
        """The answers that it waits for."""
        if not private.started(self):
            return {}
        found: Awaited = await self._thread.in_thread(self._awaited())
        return found

    async def _awaited(self) -> Awaited:
        return private.awaited(private.aiokafka_consumer(self), self.transport.batched)

    async def leave(self) -> None:
        """Leave the group now, before Faust has stopped: others take over meanwhile."""
        await self._thread.in_thread(private.leave(private.aiokafka_consumer(self)))

    async def take_error(self) -> BaseException | None:
        """What kept it from joining or from reading since the last time.

        Raises KafkaError where the client has failed.
        """
        client = private.aiokafka_consumer(self)
        if crash := private.crash(client):
            raise crash
        error, self._thread.fetch_error = self._thread.fetch_error, None
        of_coordinator: BaseException | None
        of_coordinator = await self._thread.in_thread(private.coordinator_error(client))
        return error or of_coordinator

    async def commit_as(self, generation: int, offsets: Mapping[TopicPartition, int]) -> bool:
        """Commit offsets as a member of that generation; False when the group has moved on.

        Raises KafkaError when no answer came.
        """
        client = private.aiokafka_consumer(self)
        taken: bool = await self._thread.in_thread(private.commit_as(client, generation, offsets))
        return taken


class BatchingTransport(stock.Transport):
    """A transport whose `batched` topics come as batches and begin at `positions()`."""

    Consumer: ClassVar[Any] = BatchingConsumer
    batched: frozenset[str] = frozenset()
    committed: bool = True
    positions: Callable[[], Mapping[TopicPartition, int]]
