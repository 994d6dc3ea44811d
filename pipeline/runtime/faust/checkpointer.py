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
from pipeline.kafka.repeated_lines import RepeatFilter
from pipeline.kafka.topics import changelog
from pipeline.runtime.engine import Engine
from pipeline.runtime.faust.group import Group, MovedError
from pipeline.runtime.partition_processor import PartitionProcessor
from pipeline.state.assignment import Assignment, packed
from pipeline.state.changelog import CheckpointRecords, Record
from pipeline.state.partition import Partition, Snapshot

_ANSWER_SECONDS = 90.0
_RETRY_SECONDS = 0.5
_SHARE = 5
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
    ) -> None:
        self.batch_lock = asyncio.Lock()
        self.since_checkpoint = 0
        """Messages counted since the last snapshot."""
        self.written: dict[TopicPartition, int] = {}
        """The last changelog offset this process wrote, by partition."""
        self._checkpoint_lock = asyncio.Lock()
        self._many = asyncio.Event()
        self._flows = flows
        self._group = group
        self._assignment = assignment
        self._processor = processor
        self._dlq = dlq
        self._engine = engine
        self._clock = clock
        self._begun = clock()
        self._cost = 0.0
        """The seconds that the last snapshot took, and what was made of it."""

    def counted(self, messages: int) -> None:
        """So many messages more are counted."""
        self.since_checkpoint += messages
        if self.since_checkpoint >= self._flows:
            self._many.set()

    async def due(self, interval: float) -> None:
        """Return when the last call was so many seconds ago, or much was counted since.

        Later when checkpoints take long: a fifth of the time is theirs at most.
        """
        pause = self._begun + max(interval, _SHARE * self._cost) - self._clock()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._many.wait(), max(0.0, pause))
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
                self.since_checkpoint = 0
                begun = self._clock()
                snapshots = await self._engine.run(self._processor.snapshot)
                self._cost = self._clock() - begun
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

    def _packed(
        self, snapshots: Mapping[TopicPartition, tuple[Partition, Snapshot]]
    ) -> dict[TopicPartition, CheckpointRecords]:
        begun = self._clock()
        made = packed(snapshots)
        self._cost += self._clock() - begun
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
        """Write to the changelogs; when it returns, it is durable."""
        wheres, sent = [], []
        for where, some in records.items():
            topic = changelog(self._group.name, where.topic)
            for key, value in some:
                wheres.append(where)
                sent.append(await self._group.send(topic, key, value, partition=where.partition))
        for where, found in zip(wheres, await asyncio.gather(*sent), strict=True):
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
