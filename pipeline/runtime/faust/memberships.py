"""Makes the parts of a membership, each from those below it, and runs it."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Coroutine, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from pipeline.dead_letters.limit import DlqLimit
from pipeline.dead_letters.producer import DlqProducer
from pipeline.exposition.self_metrics import Telemetry
from pipeline.kafka.batch import TopicPartition
from pipeline.kafka.connection import Subscription, changelog
from pipeline.kafka.metadata import Topic
from pipeline.kafka.topics import DeadLetterTopic, prepare
from pipeline.plan.live import ActivePlan
from pipeline.runtime.delivery import Delivery
from pipeline.runtime.engine import Engine
from pipeline.runtime.failure import Failure
from pipeline.runtime.faust.app import application
from pipeline.runtime.faust.changelog_table import ChangelogTable
from pipeline.runtime.faust.checkpointer import Checkpointer
from pipeline.runtime.faust.group import FaustGroup
from pipeline.runtime.faust.group_watch import GroupWatch
from pipeline.runtime.faust.intake import Intake, Sources
from pipeline.runtime.faust.membership import Membership
from pipeline.runtime.faust.recovery_watch import RecoveryWatch
from pipeline.runtime.faust.subscriptions import derived_group, subscriptions
from pipeline.runtime.faust.takeover import Takeover
from pipeline.runtime.faust.worker import Worker
from pipeline.runtime.outputs import Outputs
from pipeline.runtime.partition_processor import PartitionProcessor
from pipeline.runtime.status import Status
from pipeline.stage import Writer
from pipeline.state.assignment import Assignment

T = TypeVar("T")
_log = logging.getLogger(__name__)


class WorkerOptions(msgspec.Struct, frozen=True):
    """How a worker behaves: checkpoints (seconds, messages), dead letters and their limits."""

    interval: float = 0.25
    flows: int = 1_000_000
    dead_letters: str = ""
    max_bytes: int = 0
    max_ratio: float = 0.0
    max_consecutive: int = 0


class FaustMemberships:
    """Memberships of the group that the sources of a plan name, one after the other."""

    def __init__(
        self,
        *,
        subscriptions: Mapping[str, Subscription],
        writers: Sequence[Writer],
        folder: Path,
        assignment: Assignment,
        processor: PartitionProcessor,
        telemetry: Telemetry,
        outputs: Outputs,
        stopping: threading.Event,
        status: Status,
        options: WorkerOptions,
    ) -> None:
        self._subscriptions = subscriptions
        self._writers = writers
        self._folder = folder
        self._assignment = assignment
        self._processor = processor
        self._telemetry = telemetry
        self._outputs = outputs
        self._stopping = stopping
        self._status = status
        self._options = options
        self._first = next(iter(subscriptions.values()))
        self._names = [topic for source in subscriptions.values() for topic in source.topics]
        self._changelog = partial(changelog, self._first.group)
        self._changelogs: Mapping[str, str] = {}
        """The ids of the changelogs of the last membership."""

    async def run_one(self, stopping: asyncio.Event) -> None:
        """Wait for the topics, join the group, count until `stopping`, leave.

        Raises what ended it otherwise.
        """
        found = await _unless(stopping, self._topics())
        if found is None:
            return
        self._changelogs = {
            name: found[name].topic_id for name in map(self._changelog, self._names)
        }
        topics = {name: found[name] for name in self._names}
        partitions = {name: topic.partitions for name, topic in topics.items()}
        self._assignment.topics = partitions
        self._assignment.topic_ids = self._changelogs | {n: t.topic_id for n, t in topics.items()}
        self._assignment.forget()
        with Engine() as engine:
            lost = partial(self._telemetry.add, "records_lost")
            made = Delivery(self._writers, self._folder, lost, self._outputs, self._stopping)
            async with made as delivery:
                await self._membership(partitions, delivery, engine).run(stopping)

    async def _topics(self) -> Mapping[str, Topic]:
        return await prepare(
            self._first.connection,
            self._first.group,
            self._names,
            DeadLetterTopic(self._options.dead_letters, self._options.max_bytes),
            self._status.problem,
            used=self._changelogs,
        )

    def _membership(
        self, partitions: Mapping[str, int], delivery: Delivery, engine: Engine
    ) -> Membership:
        sources = {t: (name, s) for name, s in self._subscriptions.items() for t in s.topics}
        first = self._first
        app = application(first, sources, self._assignment.positions)
        group = FaustGroup(app, committed=first.committed)
        intake, checkpointer = self._counting(sources, group, delivery, engine)
        takeover = Takeover(
            group=group,
            assignment=self._assignment,
            processor=self._processor,
            checkpointer=checkpointer,
            intake=intake,
            sources=sources,
            partitions=partitions,
            status=self._status,
        )
        failure = Failure()
        watch = GroupWatch(
            group=group,
            connection=first.connection,
            topics=[*sources, *self._changelogs],
            checkpointer=checkpointer,
            intake=intake,
            recovery=RecoveryWatch(group),
            status=self._status,
        )
        for topic in sources:
            app.tables.add(ChangelogTable(app, takeover, failure, topic, partitions[topic]))
        return Membership(
            app=app,
            sources=sources,
            group=group,
            assignment=self._assignment,
            checkpointer=checkpointer,
            intake=intake,
            watch=watch,
            telemetry=self._telemetry,
            status=self._status,
            failure=failure,
            interval=self._options.interval,
        )

    def _counting(
        self, sources: Sources, group: FaustGroup, delivery: Delivery, engine: Engine
    ) -> tuple[Intake, Checkpointer]:
        """What counts messages, and what makes the counts durable."""
        letters = self._options.dead_letters
        dlq = DlqProducer(letters, partial(group.send, letters, None))
        checkpointer = Checkpointer(
            group=group,
            assignment=self._assignment,
            processor=self._processor,
            dlq=dlq,
            engine=engine,
            flows=self._options.flows,
        )
        intake = Intake(
            sources=sources,
            group=group,
            assignment=self._assignment,
            processor=self._processor,
            checkpointer=checkpointer,
            delivery=delivery,
            dlq=dlq if letters else None,
            engine=engine,
        )
        return intake, checkpointer


async def _unless(stopping: asyncio.Event, work: Coroutine[Any, Any, T]) -> T | None:
    """The result of the work, or None when `stopping` is set before it is done."""
    working, stopped = asyncio.create_task(work), asyncio.create_task(stopping.wait())
    await asyncio.wait([working, stopped], return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if working.done():
        return working.result()
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)
    return None


def worker(
    live: ActivePlan,
    assignment: Assignment,
    telemetry: Telemetry,
    outputs: Outputs,
    options: WorkerOptions,
) -> Worker:
    """A worker that counts what the sources of the plan consume."""

    def limit(where: TopicPartition) -> DlqLimit:
        return DlqLimit(options.max_ratio, options.max_consecutive, str(where))

    found = subscriptions(live.plan)
    _tell_group(next(iter(found.values())).group, derived_group(live.plan.context.pipeline))
    status = Status(telemetry)
    stopping = threading.Event()
    processor = PartitionProcessor(
        live=live, assignment=assignment, telemetry=telemetry, limit=limit, stopping=stopping
    )
    memberships = FaustMemberships(
        subscriptions=found,
        writers=live.plan.writers,
        folder=live.plan.context.folder,
        assignment=assignment,
        processor=processor,
        telemetry=telemetry,
        outputs=outputs,
        stopping=stopping,
        status=status,
        options=options,
    )
    return Worker(memberships, status, stopping, processor.report_to)


def _tell_group(group: str, derived: str) -> None:
    """Say which group it is, and how to stay in a group that nobody has named."""
    if group == derived:
        text = (
            "the group is %s, derived from the name and place of the file; set group_id to keep it"
        )
        _log.info("%s", text % group)
    else:
        _log.info("the group is %s", group)
