"""Batches that came in, held until there is enough of them, then counted."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Mapping

from pipeline.dead_letters.producer import DlqProducer, headers
from pipeline.kafka.batch import Batch, GapError, TopicPartition, join
from pipeline.kafka.connection import Subscription
from pipeline.runtime.batch_buffer import BatchBuffer
from pipeline.runtime.delivery import Delivery
from pipeline.runtime.engine import Engine
from pipeline.runtime.faust.checkpointer import Checkpointer
from pipeline.runtime.faust.group import Group
from pipeline.runtime.partition_processor import PartitionProcessor, Processed
from pipeline.state.assignment import Assignment

Sources = Mapping[str, tuple[str, Subscription]]
"""By topic, the name of the stage that reads it, and how it reads."""


_log = logging.getLogger(__name__)


class Intake:
    """Has the processor count what comes in, while it is open.

    Dead letters and records are on their way when a batch is counted; the next checkpoint waits
    for them. `dlq` is None where dead letters are only counted.
    """

    def __init__(
        self,
        *,
        sources: Sources,
        group: Group,
        assignment: Assignment,
        processor: PartitionProcessor,
        checkpointer: Checkpointer,
        delivery: Delivery,
        dlq: DlqProducer | None,
        engine: Engine,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.is_open = False
        self._sources = sources
        self._group = group
        self._assignment = assignment
        self._processor = processor
        self._checkpointer = checkpointer
        self._delivery = delivery
        self._dlq = dlq
        self._engine = engine
        self._clock = clock
        self._buffers: dict[TopicPartition, BatchBuffer] = {}
        self._behind: dict[TopicPartition, int] = {}

    def open(self) -> None:
        """Take batches from now on."""
        self.is_open = True

    async def close(self) -> None:
        """Finish the batch under way and drop those that wait; they are read again."""
        self.is_open = False
        async with self._checkpointer.batch_lock:
            self._buffers.clear()

    async def add(self, where: TopicPartition, batch: Batch) -> None:
        """Hold a batch, or count what is held when that is enough.

        Raises what counting raises.
        """
        if not self.is_open:
            return
        buffer = self._buffers.setdefault(where, BatchBuffer(self._clock))
        buffer.add(batch)
        if buffer.full(self._sources[where.topic][1].batch_size):
            await self._count(where)

    async def count_expired(self) -> None:
        """Count what has waited for long enough."""
        for where, buffer in list(self._buffers.items()):
            if buffer.expired(self._sources[where.topic][1].linger):
                await self._count(where)

    async def count_idle(self) -> None:
        """Let stages that remember know where nothing has come for a while."""
        if not self._assignment.remembers:
            return
        for where in self._assignment.positions():
            async with self._checkpointer.batch_lock:
                owned = self.is_open and self._assignment.owns(where)
                if owned and where not in self._buffers and self._processor.is_idle(where):
                    source, _ = self._sources[where.topic]
                    ticked = await self._engine.run(self._processor.tick, where, source)
                    await self._deliver(where, ticked)

    async def _count(self, where: TopicPartition) -> None:
        while await self._count_some(where):
            pass  # others had their turn in between

    async def _count_some(self, where: TopicPartition) -> bool:
        """Count what is held, or a first part of it; whether there is a rest of it."""
        async with self._checkpointer.batch_lock:
            buffer = self._buffers.pop(where, None)
            if buffer is None or not self.is_open:
                return False
            try:
                batch = join(buffer.batches, self._assignment.position(where))
            except GapError:
                await self._read_again(where)
                return False
            source, _ = self._sources[where.topic]
            processed = await self._engine.run(self._processor.process, where, source, batch)
            await self._deliver(where, processed)
            counted = processed.counted
            self._checkpointer.counted(len(counted.payloads))
            if counted.end == batch.end:
                return False
            rest = self._buffers.setdefault(where, BatchBuffer(self._clock))
            rest.put_back(batch.after(counted.end))
            return True

    async def _read_again(self, where: TopicPartition) -> None:
        """What was fetched does not follow what is counted.

        Either the broker has deleted the messages in between, or the partition moved while a fetch
        was under way. What is held is thrown away, and the reader put to where the counts end.
        """
        if not await self._skip_deleted([where]):
            position = self._assignment.position(where)
            _log.info("%s: a fetch from elsewhere was thrown away; on from %d", where, position)
        await self._group.read_again({where: self._assignment.position(where)})

    async def look_for_losses(self) -> None:
        """Notice messages that the broker deleted, also where no other comes after them.

        Of partitions that are behind and did not move since the last look. Raises KafkaError.
        """
        behind = {
            where: position
            for where, position in self._assignment.positions().items()
            if where not in self._buffers and (self._group.end(where) or 0) > position
        }
        stalled = [where for where, at in behind.items() if self._behind.get(where) == at]
        self._behind = behind
        if stalled:
            async with self._checkpointer.batch_lock:
                await self._skip_deleted(stalled)

    async def _skip_deleted(self, wheres: Collection[TopicPartition]) -> bool:
        """Go on behind messages that the broker has deleted; whether there were any."""
        bounds = await self._group.bounds(wheres)
        owned = self._assignment.positions()
        lost = {w: first for w, (first, _) in bounds.items() if first > owned.get(w, first)}
        for where, first in lost.items():
            self._processor.lost(where, first - owned[where])
            self._assignment.skip_to(where, first)
        return bool(lost)

    async def _deliver(self, where: TopicPartition, processed: Processed) -> None:
        counted, outcome = processed
        if self._dlq:
            for letter in outcome.rejects:
                await self._dlq.put(letter.payload, headers(letter, where, counted))
        await self._delivery.deliver(outcome.records)
        self._processor.check_limit(where, outcome)
