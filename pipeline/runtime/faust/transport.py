"""Faust's transport with one event per batch of a partition, instead of one per message.

Stock Faust makes two tasks, a queue entry and an acknowledgement for each message (about 200 us).
Here the records that a poll gives of a flow topic's partition become one pseudo-record, whose value
is a `Batch`, before Faust sees them. A batch says where the reader stood before and after it, so
nothing can get lost unnoticed in between.

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
from aiokafka.errors import KafkaError
from faust.serializers.schemas import Schema
from faust.transport.drivers import aiokafka as stock
from faust.types import TP

from pipeline.kafka.batch import Batch, TopicPartition
from pipeline.kafka.metadata import Topic, describe
from pipeline.runtime.faust import private
from pipeline.runtime.faust.private import Fetched

_log = logging.getLogger("faust.consumer")


class PassThrough(Schema[Any, Any]):
    """Keys and values as they are: a batch is no text to parse."""

    def loads_key(self, app: Any, message: Any, **_: Any) -> Any:
        """The key as it is."""
        return message.key

    def loads_value(self, app: Any, message: Any, **_: Any) -> Any:
        """The value as it is."""
        return message.value


_FETCH_WAIT_MS = 250
"""How long a broker holds a fetch that it has nothing for; Faust's 1500 delay what comes next."""

_RETRY_SECONDS = 1.0


class _Thread(stock.AIOKafkaConsumerThread):
    consumer: BatchingConsumer
    logger = _log
    fetch_error: KafkaError | None = None
    _fetches: set[asyncio.Future[Any]]

    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        committed = self.consumer.transport.committed
        private.read_as(consumer, committed=committed, wait_ms=_FETCH_WAIT_MS)
        return consumer

    async def on_start(self) -> None:
        """Let aiokafka hand over the records of flow topics as its parser made them."""
        self._fetches = set()
        await super().on_start()
        private.batch_records(self._ensure_consumer(), self.consumer.transport.batched)

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
            if private.fetcher_ended(self._ensure_consumer()):
                raise
            self.fetch_error = error
            await asyncio.sleep(_RETRY_SECONDS)
            return {}
        finally:
            self._fetches.discard(fetch)
        return {
            tp: [_pseudo_record(tp, found)] if isinstance(found, Fetched) else found
            for tp, found in records.items()
        }

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


def _pseudo_record(tp: TP, fetched: Fetched) -> ConsumerRecord:
    payloads = [record.value or b"" for record in fetched.records]
    offsets = [record.offset for record in fetched.records]
    batch = Batch.of(fetched.start, fetched.end, offsets, payloads)
    stamp = fetched.records[-1].timestamp if fetched.records else 0
    return ConsumerRecord(
        tp.topic, tp.partition, batch.end - 1, stamp, 0, None, batch, None, -1, -1, ()
    )


class BatchingConsumer(stock.Consumer):
    """A consumer whose flow topics come as batches."""

    transport: BatchingTransport
    logger = _log
    _thread: _Thread

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._readable = asyncio.Event()
        super().__init__(*args, **kwargs)

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
        sought = await self._thread.seek_partitions(positions)
        private.accept_from(self, sought)

    async def describe(self, topics: Collection[str]) -> Mapping[str, Topic]:
        """These topics as a broker knows them now. Raises KafkaError."""
        client = private.client_of(private.aiokafka_consumer(self))
        found: Mapping[str, Topic] = await self._thread.in_thread(describe(client, topics))
        return found

    async def leave(self) -> None:
        """Leave the group now, before Faust has stopped: others take over meanwhile."""
        await self._thread.in_thread(private.leave(private.aiokafka_consumer(self)))

    async def take_error(self) -> BaseException | None:
        """What kept it from joining or from reading since the last time."""
        error, self._thread.fetch_error = self._thread.fetch_error, None
        client = private.aiokafka_consumer(self)
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
