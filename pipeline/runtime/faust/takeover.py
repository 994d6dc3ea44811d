"""Partitions that the group assigns: taken over from their changelogs, or kept."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Protocol

from pipeline.kafka.batch import TopicPartition
from pipeline.kafka.connection import BrokerError, changelog
from pipeline.kafka.epochs import Newest
from pipeline.runtime.faust.checkpointer import Checkpointer
from pipeline.runtime.faust.group import Group, MovedError
from pipeline.runtime.faust.intake import Intake, Sources
from pipeline.runtime.partition_processor import PartitionProcessor
from pipeline.runtime.status import Status
from pipeline.state.assignment import Assignment
from pipeline.state.changelog import State

_log = logging.getLogger(__name__)


class Changelog(Protocol):
    """The changelog of a topic's counts, read for a generation."""

    topic: str

    def holds(self, generation: int) -> bool:
        """Whether it was read for this generation, and this one is not over."""

    def saved(self, partition: int) -> State:
        """What it says of a partition. Raises BrokerError when it cannot be used."""


class Takeover:
    """Fills an assignment from changelogs. `partitions`: how many each topic has."""

    def __init__(
        self,
        *,
        group: Group,
        assignment: Assignment,
        processor: PartitionProcessor,
        checkpointer: Checkpointer,
        intake: Intake,
        sources: Sources,
        partitions: Mapping[str, int],
        status: Status,
    ) -> None:
        self._group = group
        self._assignment = assignment
        self._processor = processor
        self._checkpointer = checkpointer
        self._intake = intake
        self._sources = sources
        self._partitions = partitions
        self._status = status
        self._member_id = ""

    def joined(self) -> None:
        """The group has let us in.

        A new member id means that other members may have owned our partitions meanwhile: what is
        in memory does not hold any more.
        """
        before, self._member_id = self._member_id, self._group.member_id
        if before and self._member_id != before:
            self._assignment.forget()
            instance = next(iter(self._sources.values()))[1].instance
            if instance:
                self._status.suspect(
                    "the group did not know this worker any more; if another one has "
                    f'group_instance_id "{instance}" as well, give each its own'
                )

    def written(self, where: TopicPartition, generation: int) -> int | None:
        """The last changelog offset of a partition that is ours still; None: it is to be read."""
        if not self._assignment.is_kept(where, generation):
            return None
        return self._checkpointer.written.get(where, -1)

    async def restore(self, log: Changelog, partitions: set[int], generation: int) -> None:
        """Take over the partitions of a topic that are assigned now, and open the intake.

        Nothing changes when the generation is over meanwhile: an intake that is open while members
        join would hold batches of partitions that are not ours in the next one. Raises MovedError
        when the topic has changed, BrokerError when the counts and the topic do not go together.
        """
        topic = log.topic
        assigned = self._group.assigned(topic)
        if assigned != partitions or (assigned and max(assigned) >= self._partitions[topic]):
            raise MovedError(f"the partitions of {topic} have changed")
        wheres = {TopicPartition(topic, number) for number in partitions}
        kept = {where for where in wheres if self._assignment.is_kept(where, generation)}
        self._assignment.keep(topic, kept, generation)
        if new := wheres - kept:
            bounds = await self._group.bounds(new)
            states = {where: log.saved(where.partition) for where in new}
            ahead = [
                where
                for where, state in states.items()
                if state.position is not None and state.position > bounds[where][1]
            ]
            newest = await self._group.newest(ahead) if ahead else {}
            if not log.holds(generation):
                return
            for where, state in states.items():
                position = self._position(where, state, *bounds[where], newest.get(where))
                self._assignment.restore(where, state, generation, position)
                self._processor.begin(where)
        if log.holds(generation):
            _log.info("%s: %d partitions", topic, len(self._assignment.positions()))
            self._intake.open()
            self._status.set("")

    def _position(
        self, where: TopicPartition, state: State, first: int, end: int, newest: Newest | None
    ) -> int:
        """The next offset to count of a partition that has those from `first` to `end`.

        `newest` is known where counts go beyond the end, and that is no other topic.
        """
        position = state.position
        subscription = self._sources[where.topic][1]
        if position is None:
            return end if subscription.from_end else first
        known = self._assignment.topic_ids.get(where.topic, "")
        same = bool(known and known == state.topic_id)
        other = bool(known and state.topic_id and not same)
        if same and newest is not None:
            return self._cut(where, position, newest)
        if other or position > end:
            if not subscription.start_over:
                raise BrokerError(self._recreated(where, position, end, other=other))
            _log.warning("%s was deleted and made again: it is counted from its start", where)
            return first
        if position < first:
            self._processor.lost(where, first - position)
            return first
        return position

    def _cut(self, where: TopicPartition, position: int, newest: Newest) -> int:
        """The offset to go on from; it is the position where only the open end is before it."""
        if position <= newest.end:
            return position
        self._processor.cut(where, position - newest.start, newest.start)
        return newest.start

    def _recreated(self, where: TopicPartition, position: int, end: int, *, other: bool) -> str:
        name = changelog(self._group.name, where.topic)
        what = (
            f"topic {where.topic} was deleted and made again since it was counted"
            if other
            else f"{where} ends at {end}, but its counts include {position} messages: was the "
            "topic deleted and made again?"
        )
        return (
            f"{what}. Go on under another group_id, set recreated_topic: start_over, or delete "
            f"{name} to start from zero"
        )
