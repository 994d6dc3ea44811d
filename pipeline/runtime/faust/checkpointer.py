"""Checkpoints of a membership: from counted to durable, and from durable to shown."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress

from aiokafka.errors import KafkaError

from pipeline.dead_letters.producer import DlqProducer
from pipeline.kafka.batch import TopicPartition
from pipeline.kafka.connection import changelog
from pipeline.kafka.repeated_lines import RepeatFilter
from pipeline.runtime.engine import Engine
from pipeline.runtime.faust.answer_watch import Awaited
from pipeline.runtime.faust.group import Group, MovedError
from pipeline.runtime.partition_processor import PartitionProcessor
from pipeline.state.assignment import Assignment, packed
from pipeline.state.changelog import CheckpointRecords, Record
from pipeline.state.partition import Partition, Snapshot

_ANSWER_SECONDS = 90.0
_RETRY_SECONDS = 0.5
_SHARE = 5
_SHARE_BEHIND, _FAR, _LONGEST_BEHIND = 50, 100_000, 5.0
_SHORTEST = 0.001
_log = logging.getLogger(__name__)
_log.addFilter(RepeatFilter())


class Checkpointer:
    """Writes what is counted to the changelogs of a group.

    `batch_lock` is held by whoever counts a batch. `due()` returns early when `flows` messages were
    counted since the last checkpoint.
    """

    def __init__(
        self,
        *,
        group: Group,
        assignment: Assignment,
        processor: PartitionProcessor,
        dlq: DlqProducer,
        engine: Engine,
        flows: int,
        clock: Callable[[], float] = time.monotonic,
        busy: Callable[[], float] = time.thread_time,
    ) -> None:
        self.batch_lock = asyncio.Lock()
        self.since_checkpoint = 0
        """Messages counted since the last snapshot."""
        self._pace = 0.0
        """Messages counted a second, between the last two snapshots."""
        self._taken = clock()
        self.written: dict[TopicPartition, int] = {}
        """The last changelog offset this process wrote, by partition."""
        self.awaited: Awaited = {}
        """What is written to the changelogs and not durable yet."""
        self._checkpoint_lock = asyncio.Lock()
        self._many = asyncio.Event()
        self._flows = flows
        self._group = group
        self._assignment = assignment
        self._processor = processor
        self._dlq = dlq
        self._engine = engine
        self._clock = clock
        self._busy = busy
        self._begun = clock()
        self._cost = 0.0
        """Seconds of a processor that the last snapshot took, and what was made of it."""

    def counted(self, messages: int) -> None:
        """So many messages more are counted."""
        self.since_checkpoint += messages
        if self.since_checkpoint >= self._flows:
            self._many.set()

    async def due(self, interval: float) -> None:
        """Return when the last call was so many seconds ago, or much was counted since.

        Later when checkpoints cost much: a fifth of a processor is theirs at most. A fiftieth (or
        one in 5 s) while 100,000 messages wait, and more than are counted in 5 s: these are shown
        the sooner the more of the time is for counting. The first one of a takeover, which has
        every partition and no message, does not make the next one wait.
        """
        cost = self._cost if self._pace else 0.0
        waited = max(interval, _SHARE * cost)
        if self._behind() > max(_FAR, self._pace * _LONGEST_BEHIND):
            waited = max(waited, min(_SHARE_BEHIND * cost, _LONGEST_BEHIND))
        pause = self._begun + waited - self._clock()
        with suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, pause)):
                await self._many.wait()
        self._many.clear()
        self._begun = self._clock()

    async def commit(self) -> None:
        """Make durable what is counted, then show it. Raises KafkaError.

        1. Between two batches, take a snapshot of the counts and the dead letters sent so far.
        2. Make sure that the topics are still those whose messages were counted.
        3. Wait until the dead letters are durable.
        4. Write the parts of the state that changed.
        5. Once these are durable, write the manifests, which name the parts and the positions.
        6. Commit the positions in the generation they were counted in.
        7. Only if the group took them from this member: show the counts.
        8. Delete the keys of earlier epochs.

        Raises MovedError when a topic was deleted, or made again.
        """
        async with self._checkpoint_lock:
            async with self.batch_lock:  # 1
                letters = self._dlq.take()
                before, self._taken = self._taken, self._clock()
                self._pace = self.since_checkpoint / max(_SHORTEST, self._taken - before)
                self.since_checkpoint = 0
                if not letters and self._assignment.settled and not self._assignment.remembers:
                    return  # what stages remember is measured in each snapshot
                snapshots = await self._engine.run(self._snapshot)
            packing = asyncio.create_task(asyncio.to_thread(self._packed, snapshots))
            try:
                await self._check_topics({where.topic for where in snapshots})  # 2
            finally:
                made = await packing
            await self._dlq.arrived(letters)  # 3
            await self._write({where: records.parts for where, records in made.items()})  # 4
            await self._write({where: [records.manifest] for where, records in made.items()})  # 5
            self._assignment.delivered(made)
            await self._confirm()  # 6 and 7
            await self._write({where: records.deletions for where, records in made.items()})  # 8

    def _behind(self) -> int:
        """How many messages wait, as far as the last fetches say."""
        positions = self._assignment.positions().items()
        return sum(max(0, (self._group.end(where) or 0) - at) for where, at in positions)

    def _snapshot(self) -> Mapping[TopicPartition, tuple[Partition, Snapshot]]:
        begun = self._busy()
        snapshots = self._processor.snapshot()
        self._cost = self._busy() - begun
        return snapshots

    def _packed(
        self, snapshots: Mapping[TopicPartition, tuple[Partition, Snapshot]]
    ) -> dict[TopicPartition, CheckpointRecords]:
        begun = self._busy()
        made = packed(snapshots)
        self._cost += self._busy() - begun
        return made

    async def _check_topics(self, topics: Collection[str]) -> None:
        """Wait for an answer as long as the producer would. Raises MovedError."""
        deadline = self._clock() + _ANSWER_SECONDS
        while topics:
            try:
                await self.check_topics(topics)
            except KafkaError as error:
                if self._clock() > deadline:
                    raise
                _log.debug("no answer about topics: %r", error)
                await asyncio.sleep(_RETRY_SECONDS)
            else:
                return

    async def check_topics(self, topics: Collection[str]) -> None:
        """Raises MovedError when a topic is not the one that is counted any more, or KafkaError."""
        now = await self._group.topic_ids(topics)
        for topic in topics:
            if now.get(topic) != self._assignment.topic_ids.get(topic, ""):
                raise MovedError(f"topic {topic} was deleted, or made again")

    async def _write(self, records: Mapping[TopicPartition, Sequence[Record]]) -> None:
        """Write to the changelogs, of all partitions at once; when it returns, it is durable."""
        topics = {changelog(self._group.name, where.topic) for where in records}
        said = f"{', '.join(sorted(topics))} takes no records: counts are not durable"
        self.awaited = {object(): said}
        try:
            await asyncio.gather(*(self._write_to(*one) for one in records.items() if one[1]))
        finally:
            self.awaited = {}

    async def _write_to(self, where: TopicPartition, records: Sequence[Record]) -> None:
        """Write to one changelog; a send waits until the producer has room for its partition."""
        topic, number = changelog(self._group.name, where.topic), where.partition
        sent = [await self._group.send(topic, *record, partition=number) for record in records]
        for found in await asyncio.gather(*sent):
            self.written[where] = max(found.offset, self.written.get(where, -1))

    async def _confirm(self) -> None:
        for generation, positions in self._assignment.unconfirmed().items():
            try:
                taken = await self._group.commit(generation, positions)
            except KafkaError as error:
                _log.warning("the group does not answer: %r", error)
                return
            if taken:
                await self._engine.run(self._assignment.confirmed, positions)
