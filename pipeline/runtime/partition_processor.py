"""A batch of a partition through the plan, and into the counts of its partition."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

from pipeline.dead_letters.limit import DlqLimit
from pipeline.exposition.self_metrics import Telemetry
from pipeline.kafka.batch import Batch, TopicPartition
from pipeline.plan.bisect import PoisonIsolator
from pipeline.plan.live import ActivePlan
from pipeline.plan.outcome import Outcome
from pipeline.plan.plan import Plan
from pipeline.state.assignment import Assignment
from pipeline.state.partition import Partition, Snapshot

_log = logging.getLogger(__name__)


class Processed(NamedTuple):
    """What came of a batch: the messages that the outcome is about, without empty ones."""

    counted: Batch
    outcome: Outcome


class PartitionProcessor:
    """Runs the active plan over batches and counts what comes out. For one thread at a time.

    `limit` makes the limit on rejected messages of one partition; `now` is the time of counting
    (epoch seconds). Nothing is waited for any more once `stopping` is set.
    """

    def __init__(
        self,
        *,
        live: ActivePlan,
        assignment: Assignment,
        telemetry: Telemetry,
        limit: Callable[[TopicPartition], DlqLimit],
        stopping: threading.Event,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._live = live
        self._assignment = assignment
        self._telemetry = telemetry
        self._new_limit = limit
        self._stopping = stopping
        self._now = now
        self._isolator = PoisonIsolator()
        self._limits: dict[TopicPartition, DlqLimit] = {}
        self._missing = set[TopicPartition]()
        self._advance: Callable[[int], None] = lambda _: None
        assignment.remember(live.plan.remembering)
        live.on_swap(lambda plan, _: assignment.remember(plan.remembering))

    def report_to(self, advance: Callable[[int], None]) -> None:
        """Call `advance` with the number of messages of each batch."""
        self._advance = advance

    def process(self, where: TopicPartition, source: str, batch: Batch) -> Processed:
        """Count a batch, or a first part of it when a stage fails."""
        filled = batch.without_empty()
        with self._live.batch(self._stopping) as plan:
            outcome = self._run(plan, where, source, filled.payloads)
            counted = filled.head(outcome.messages)
            self._count(where, outcome, counted.end)
            messages = batch.before(counted.end)
            if outcome.messages:
                self._telemetry.batch(source, outcome.messages, outcome)
            self._report(where, source, messages, outcome)
            self._live.observe(source, counted.payloads)
        self._advance(messages)
        return Processed(counted, outcome)

    def process_parts(
        self, source: str, batches: Mapping[TopicPartition, Batch]
    ) -> dict[TopicPartition, Processed]:
        """Count batches of several partitions in one run of the plan.

        Nothing is counted, and the answer is empty, where that cannot be (see `run_parts`): each
        is then to be processed by itself. Records are all with the first partition.
        """
        filled = {where: batch.without_empty() for where, batch in batches.items()}
        payloads = [payload for batch in filled.values() for payload in batch.payloads]
        parts = [len(batch.payloads) for batch in filled.values()]
        with self._live.batch(self._stopping) as plan:
            whole = self._isolator.run_parts(plan, source, payloads, parts)
            if whole is None:
                return {}
            if whole.messages:
                self._telemetry.batch(source, whole.messages, whole)
            processed = {}
            ends = {where: batch.end for where, batch in filled.items()}
            self._assignment.count_parts(ends, whole.deltas, self._now())
            for (where, batch), outcome in zip(filled.items(), whole.apart(parts), strict=True):
                self._report(where, source, len(batches[where].payloads), outcome)
                processed[where] = Processed(batch, outcome)
            self._live.observe(source, payloads)
        self._advance(sum(len(batch.payloads) for batch in batches.values()))
        return processed

    def is_idle(self, where: TopicPartition) -> bool:
        """Whether a stage remembers flows of a partition of which nothing has come for a while."""
        return self._assignment.memories(where).is_idle(self._now())

    def tick(self, where: TopicPartition, source: str) -> Processed:
        """Count that nothing has come: stages that remember may have something to say."""
        position = self._assignment.position(where)
        with self._live.batch(self._stopping) as plan:
            memories = self._assignment.memories(where)
            memories.now = self._now()
            outcome = self._isolator.run(plan, source, [], memories)
            self._count(where, outcome, position)
            self._telemetry.batch(source, 0, outcome)
        return Processed(Batch([], position, position), outcome)

    def _run(
        self, plan: Plan, where: TopicPartition, source: str, payloads: list[bytes]
    ) -> Outcome:
        if not payloads:
            return Outcome()
        memories = self._assignment.memories(where)
        memories.now = self._now()
        return self._isolator.run(plan, source, payloads, memories)

    def _count(self, where: TopicPartition, outcome: Outcome, position: int) -> None:
        deltas, changes = outcome.deltas, outcome.changes
        self._assignment.count(where, deltas, position, self._now(), changes)

    def check_limit(self, where: TopicPartition, outcome: Outcome) -> None:
        """Account for the rejected messages of a batch.

        Raises TooManyDeadLettersError when its partition is beyond a limit.
        """
        if where not in self._limits:
            self._limits[where] = self._new_limit(where)
        self._limits[where].check(outcome.messages, outcome.rejected_messages())

    def begin(self, where: TopicPartition) -> None:
        """A partition is taken over: its limits begin anew."""
        self._limits.pop(where, None)
        for name in ("kafka_lost", "kafka_cut", "kafka_missing"):
            self._telemetry.add(name, 0, where.topic, str(where.partition))

    def snapshot(self) -> Mapping[TopicPartition, tuple[Partition, Snapshot]]:
        """What is counted and not durable, between two batches."""
        with self._live.paused():
            self._telemetry.remembered(self._assignment.measures())
            return self._assignment.snapshot()

    def lost(self, where: TopicPartition, messages: int) -> None:
        """The broker deleted so many messages of a partition before they were counted."""
        _log.error("%s: %d messages were deleted before they were counted", where, messages)
        self._telemetry.add("kafka_lost", messages, where.topic, str(where.partition))

    def missing(self, where: TopicPartition, first: int, last: int) -> None:
        """The broker gave nothing of these offsets; said once of a partition, counted always."""
        if where not in self._missing:
            self._missing.add(where)
            _log.warning(
                "%s: the broker gave nothing of offsets %d to %d: they were compacted away, or a "
                "record batch on its disk is damaged; more of it is counted in kafka_missing alone",
                where,
                first,
                last,
            )
        amount = last - first + 1
        self._telemetry.add("kafka_missing", amount, where.topic, str(where.partition))

    def cut(self, where: TopicPartition, messages: int, offset: int) -> None:
        """The broker has lost so many messages that are counted: its log was cut at an offset."""
        _log.error(
            "%s: the broker has lost %d messages that are counted, as its log was cut at offset "
            "%d: their counts stay, and what comes at their offsets is counted too",
            where,
            messages,
            offset,
        )
        self._telemetry.add("kafka_cut", messages, where.topic, str(where.partition))

    def _report(self, where: TopicPartition, source: str, messages: int, outcome: Outcome) -> None:
        self._telemetry.add("ingest_empty", messages - outcome.messages, source)
        rejected = len(outcome.rejected_messages())
        self._telemetry.add("kafka_rejected", rejected, where.topic, str(where.partition))
