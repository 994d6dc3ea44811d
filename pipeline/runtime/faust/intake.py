"""Batches that came in, held until there is enough of them, then counted."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
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
        self._waiting: Counter[str] = Counter()
        """The messages in the buffers, by source."""
        self._held_some = asyncio.Event()
        self._behind: dict[TopicPartition, int] = {}

    def open(self) -> None:
        """Take batches from now on."""
        self.is_open = True

    async def close(self) -> None:
        """Finish the batch under way and drop those that wait; they are read again."""
        self.is_open = False
        async with self._checkpointer.batch_lock:
            self._buffers.clear()
            self._waiting.clear()

    async def add(self, where: TopicPartition, batch: Batch) -> None:
        """Hold a batch, or count what is held when that is enough.

        One of a partition that is not owned (any more) is left out. Raises what counting raises.
        """
        if not (self.is_open and self._assignment.owns(where)):
            return
        source, subscription = self._sources[where.topic]
        for first, last in batch.missing:
            self._processor.missing(where, first, last)
        buffer = self._buffers.setdefault(where, BatchBuffer(self._clock))
        buffer.add(batch)
        self._held_some.set()
        self._waiting[source] += len(batch.payloads)
        if buffer.full(subscription.batch_size):
            await self._count(where)
        elif self._waiting[source] >= subscription.batch_size:
            await self._count_held(source)

    async def holds_some(self) -> None:
        """Return when a batch is held."""
        if not self._buffers:
            self._held_some.clear()
            await self._held_some.wait()

    async def count_expired(self) -> None:
        """Count what is held of sources of which a batch has waited for long enough."""
        for source, subscription in dict(self._sources.values()).items():
            if any(held.expired(subscription.linger) for held in self._held(source).values()):
                await self._count_held(source)

    async def count_held(self) -> None:
        """Count what is held, once for each partition: a checkpoint is about to be made."""
        for source in dict(self._sources.values()):
            for where in await self._count_together(source):
                await self._count_some(where)

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

    def _held(self, source: str) -> dict[TopicPartition, BatchBuffer]:
        return {w: b for w, b in self._buffers.items() if self._sources[w.topic][0] == source}

    async def _count_held(self, source: str) -> None:
        """Count what is held of a source."""
        for where in await self._count_together(source):
            await self._count(where)

    async def _count_together(self, source: str) -> list[TopicPartition]:
        """Count what is held of a source in one run of the plan; what is left to count alone."""
        held = list(self._held(source))
        return await self._count_parts(source, held) if len(held) > 1 else held

    async def _count_parts(
        self, source: str, wheres: Collection[TopicPartition]
    ) -> list[TopicPartition]:
        """Count what is held of several partitions; those that are left to count one by one."""
        async with self._checkpointer.batch_lock:
            batches = await self._taken(wheres)
            if not batches:
                return []  # others have counted them meanwhile
            processed = await self._engine.run(self._processor.process_parts, source, batches)
            for where, batch in batches.items():
                if where not in processed:
                    self._put_back(where, batch)
            for where, one in processed.items():
                await self._send(where, one)
            for where, one in processed.items():
                self._processor.check_limit(where, one.outcome)
            self._checkpointer.counted(sum(len(p.counted.payloads) for p in processed.values()))
            return [where for where in batches if where not in processed]

    async def _taken(self, wheres: Collection[TopicPartition]) -> dict[TopicPartition, Batch]:
        """What is held of partitions, from where their counts end."""
        batches = {}
        for where in wheres:
            buffer = self._buffers.pop(where, None)
            if buffer is None or not self.is_open:
                continue
            self._waiting[self._sources[where.topic][0]] -= buffer.messages
            position = self._assignment.position(where)
            if buffer.batches[0].start < position and await self._go_back([where]):
                continue
            try:
                batches[where] = join(buffer.batches, position)
            except GapError:
                await self._read_again(where)
        return batches

    def _put_back(self, where: TopicPartition, rest: Batch) -> None:
        self._buffers.setdefault(where, BatchBuffer(self._clock)).put_back(rest)
        self._held_some.set()
        self._waiting[self._sources[where.topic][0]] += len(rest.payloads)

    async def _count(self, where: TopicPartition) -> None:
        while await self._count_some(where):
            pass  # others had their turn in between

    async def _count_some(self, where: TopicPartition) -> bool:
        """Count what is held, or a first part of it; whether there is a rest of it."""
        async with self._checkpointer.batch_lock:
            batch = (await self._taken([where])).get(where)
            if batch is None:
                return False
            source, _ = self._sources[where.topic]
            processed = await self._engine.run(self._processor.process, where, source, batch)
            await self._deliver(where, processed)
            counted = processed.counted
            self._checkpointer.counted(len(counted.payloads))
            if counted.end == batch.end:
                return False
            self._put_back(where, batch.after(counted.end))
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

        Of partitions that are behind and did not move since the last look; and of those that end
        before their position, messages that it has lost. Raises KafkaError.
        """
        positions = self._assignment.positions()
        ends = {where: self._group.end(where) for where in positions}
        behind = {
            where: position
            for where, position in positions.items()
            if where not in self._buffers and (ends[where] or 0) > position
        }
        ahead = [w for w, position in positions.items() if (end := ends[w]) and end < position]
        stalled = [where for where, at in behind.items() if self._behind.get(where) == at]
        self._behind = behind
        if stalled or ahead:
            async with self._checkpointer.batch_lock:
                if stalled:
                    await self._skip_deleted(stalled)
                await self._go_back(ahead)

    async def _skip_deleted(self, wheres: Collection[TopicPartition]) -> bool:
        """Go on behind messages that the broker has deleted; whether there were any."""
        bounds = await self._group.bounds(wheres)
        owned = self._assignment.positions()
        lost = {w: first for w, (first, _) in bounds.items() if first > owned.get(w, first)}
        for where, first in lost.items():
            self._processor.lost(where, first - owned[where])
            self._assignment.skip_to(where, first)
        return bool(lost)

    async def _go_back(self, wheres: Collection[TopicPartition]) -> bool:
        """Go on where the broker has cut its log before what is counted; whether it has."""
        newest = await self._group.newest(wheres) if wheres else {}
        owned = self._assignment.positions()
        cut = {w: one.start for w, one in newest.items() if one.end < owned.get(w, one.end)}
        for where, start in cut.items():
            self._processor.cut(where, owned[where] - start, start)
            self._assignment.cut_to(where, start)
            if held := self._buffers.pop(where, None):
                self._waiting[self._sources[where.topic][0]] -= held.messages
        if cut:
            await self._group.read_again(cut)
        return bool(cut)

    async def _deliver(self, where: TopicPartition, processed: Processed) -> None:
        await self._send(where, processed)
        self._processor.check_limit(where, processed.outcome)

    async def _send(self, where: TopicPartition, processed: Processed) -> None:
        counted, outcome = processed
        if self._dlq:
            for letter in outcome.rejects:
                await self._dlq.put(letter.payload, headers(letter, where, counted))
        await self._delivery.deliver(outcome.records)
