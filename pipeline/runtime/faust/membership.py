"""One membership of the group: a Faust app that counts, checkpoints, and ends.

The walk of a flow: a poll's records of a partition -> one event (`folding`) -> held until there are
enough of them or the first one waited long enough -> the plan, in a thread of its own -> dead
letters and records on their way, deltas into the partition's counts. Every few seconds a
checkpoint: what is on its way is delivered, then the changed parts of each partition's state, then
its manifest (`changelog`), then the offsets are committed. Only when the group took these, the
process is still the owner, and what became durable is shown (`group`).

Whatever fails here ends the membership; `worker` starts another one, which goes on from what is
durable. A rebalance begins with a checkpoint before partitions are let go, and ends with Faust's
recovery of the changelogs, except of partitions that were ours just before.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, Protocol, cast

import msgspec
from aiokafka.errors import KafkaError
from faust.exceptions import FaustError
from faust.types import TP

from pipeline.dead_letters.limit import DlqLimit
from pipeline.dead_letters.producer import headers
from pipeline.exposition.self_metrics import PartitionStatus
from pipeline.kafka.batch import Batch, TopicPartition, join
from pipeline.kafka.connection import BrokerError, Subscription
from pipeline.kafka.topics import changelog
from pipeline.plan.outcome import Outcome
from pipeline.runtime.batch_buffer import BatchBuffer
from pipeline.runtime.delivery import Delivery
from pipeline.runtime.faust.app import application
from pipeline.runtime.faust.changelog_table import LedgerTable
from pipeline.runtime.faust.checkpointer import Checkpoints
from pipeline.runtime.faust.transport import FoldingConsumer, PassThrough
from pipeline.state.assignment import Assignment
from pipeline.state.changelog import State
from pipeline.state.partition import Partition, Snapshot

_FINISH_SECONDS = 5.0
_LEAVE_SECONDS = 3.0
_OBSERVE_SECONDS = 1.0
_log = logging.getLogger(__name__)


class MovedError(Exception):
    """A topic is not what it was when the membership began; another one can cope."""


class Work(Protocol):
    """What the worker does with a batch, in the engine's thread."""

    def count(self, where: TopicPartition, source: str, batch: Batch) -> Outcome:
        """Run the plan over the batch, or a first part, and add what came out to the counts."""

    def counts(self) -> Any:
        """A context in which no batch is counted and no plan renewed."""

    def observe(self, partitions: list[PartitionStatus]) -> None:
        """Show how far these partitions are, and no others."""


class WorkerOptions(msgspec.Struct, frozen=True):
    """How a worker behaves: checkpoints (seconds, messages), dead letters and their limits."""

    interval: float = 2.0
    flows: int = 1_000_000
    dead_letters: str = ""
    max_ratio: float = 0.0
    max_consecutive: int = 0


class Membership:
    """A membership; `run` returns when it was told to stop, and raises what ended it otherwise."""

    def __init__(
        self,
        *,
        subscriptions: Mapping[str, Subscription],
        partitions: Mapping[str, int],
        group: Assignment,
        work: Work,
        options: WorkerOptions,
        delivery: Delivery,
        limit: DlqLimit,
        engine: ThreadPoolExecutor,
        say: Callable[[str], None],
    ) -> None:
        self._group = group
        self._sources = {t: (name, s) for name, s in subscriptions.items() for t in s.topics}
        self._partitions = partitions
        self._work = work
        self._options = options
        self._delivery = delivery
        self._limit = limit
        self._engine = engine
        self._say = say
        self._waiting: dict[TopicPartition, BatchBuffer] = {}
        self._name = ""
        self._active = False
        self._due = asyncio.Event()
        self._failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        first = next(iter(self._sources.values()))[1]
        self._app = application(first, self._sources, group.positions)
        self._app.on_partitions_revoked.connect(self._revoked, weak=False)
        for topic in self._sources:
            flows = self._app.topic(topic, schema=PassThrough(), acks=False)
            self._app.agent(flows, name=f"count-{topic}")(self._agent)
            self._app.tables.add(LedgerTable(self._app, self, topic, partitions[topic]))
        self._checkpoints = Checkpoints(
            self._app, group, options.dead_letters, self._in_engine, self._cut
        )

    async def run(self, stopping: asyncio.Event) -> None:
        """Join, count until `stopping`, leave."""
        self._say("joining the group")
        tasks = self._flush(), self._every_interval(), self._observe()
        ticking = [asyncio.create_task(task) for task in tasks]
        starting = asyncio.create_task(self._app.start())
        stopped = asyncio.create_task(stopping.wait())
        crashed = asyncio.create_task(self._crashed())
        try:
            waiting: list[asyncio.Future[Any]] = [stopped, crashed, self._failed, *ticking]
            done, _ = await asyncio.wait([*waiting, starting], return_when=asyncio.FIRST_COMPLETED)
            if starting in done and not starting.exception():
                done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                if task is not stopped:
                    task.result()
            if stopped in done and starting.done():
                await asyncio.wait_for(self._let_go(), _FINISH_SECONDS)
        finally:
            self._active = False
            for task in (*ticking, stopped, crashed):
                task.cancel()
            await self._leave(starting)

    async def _leave(self, starting: asyncio.Task[None]) -> None:
        self._say("leaving the group")
        if not self._failed.done():
            self._failed.cancel()
        with suppress(TimeoutError, FaustError, KafkaError, AttributeError):
            await asyncio.wait_for(asyncio.shield(self._app.stop()), _LEAVE_SECONDS)
        if not starting.done():
            starting.cancel()

    async def _crashed(self) -> None:
        await self._app.wait_until_stopped()
        raise self._app.crash_reason or FaustError("Faust has stopped")

    def _fail(self, error: BaseException) -> None:
        if not self._failed.done():
            self._failed.set_exception(error)

    @property
    def _consumer(self) -> FoldingConsumer:
        return cast("FoldingConsumer", self._app.consumer)

    # -- partitions come and go

    def joined(self) -> None:
        """The group has let us in; under a new name, our partitions may have been another's."""
        before, self._name = self._name, self._consumer.name_in_group
        if before and self._name != before:
            self._group.forget()
            if instance := self._app.conf.consumer_group_instance_id:
                _log.warning(
                    "the group did not know this worker any more; if another one has "
                    'group_instance_id "%s" as well, give each its own',
                    instance,
                )

    def written(self, where: TopicPartition, generation: int) -> int | None:
        """The last changelog offset of a partition that is ours still; None: it is to be read."""
        if not self._group.is_kept(where, generation):
            return None
        return self._checkpoints.written.get(where, -1)

    async def restore(self, table: LedgerTable, partitions: set[int], generation: int) -> None:
        """Take over the partitions of a topic that are assigned now."""
        try:
            await self._restore(table, partitions, generation)
        except Exception as error:  # noqa: BLE001 - Faust would not look at it
            self._fail(error)

    async def _restore(self, table: LedgerTable, partitions: set[int], generation: int) -> None:
        topic = table.topic
        assigned = {tp.partition for tp in self._consumer.assignment() if tp.topic == topic}
        if assigned != partitions or (assigned and max(assigned) >= self._partitions[topic]):
            raise MovedError(f"the partitions of {topic} have changed")
        wheres = {TopicPartition(topic, number) for number in partitions}
        kept = {where for where in wheres if self._group.is_kept(where, generation)}
        self._group.keep(topic, kept, generation)
        await self._take(table, wheres - kept, generation)
        if not table.holds(generation):
            return
        table.records = {}
        self._restored(topic)

    async def _take(self, table: LedgerTable, wheres: set[TopicPartition], generation: int) -> None:
        if not wheres:
            return
        tps = {where: TP(*where) for where in wheres}
        firsts = await self._consumer.earliest_offsets(*tps.values())
        ends = await self._consumer.highwaters(*tps.values())
        if not table.holds(generation):
            return
        for where, tp in tps.items():
            state = table.saved(where.partition)
            position = self._position(where, state, firsts[tp] or 0, ends[tp] or 0)
            self._group.restore(where, state, generation, position)

    def _position(self, where: TopicPartition, state: State, first: int, end: int) -> int:
        """The next offset to count of a partition that has those from `first` to `end`."""
        position = state.position
        if position is None:
            return end if self._sources[where.topic][1].from_end else first
        if position > end:
            name = changelog(self._app.conf.id, where.topic)
            raise BrokerError(
                f"{where} ends at {end}, but its counts include {position} messages: was the topic "
                f"deleted and made again? Go on under another group_id, or delete {name} to start "
                "from zero"
            )
        if position < first:
            lost = first - position
            _log.error("%s: %d messages were deleted before they were counted", where, lost)
        return position

    def _restored(self, topic: str) -> None:
        _log.info("%s: %d partitions", topic, len(self._group.positions()))
        self._active = True
        self._say("")

    async def _revoked(self, *_: Any, **__: Any) -> None:
        self._say("the group is rebalancing")
        try:
            await self._let_go()
        except Exception as error:  # noqa: BLE001 - Faust must go on with the rebalance
            self._fail(error)

    async def _let_go(self) -> None:
        """Finish the batch under way, drop those that wait, make durable what is counted."""
        self._active = False
        async with self._checkpoints.turn:
            self._waiting.clear()
        await self._checkpoints.make()

    # -- flows

    async def _agent(self, stream: Any) -> None:
        async for event in stream.events():
            message = event.message
            try:
                await self._feed(TopicPartition(message.topic, message.partition), event.value)
            except Exception as error:  # noqa: BLE001 - Faust would restart the agent
                self._fail(error)

    async def _feed(self, where: TopicPartition, batch: Batch) -> None:
        if not self._active:
            return
        waiting = self._waiting.setdefault(where, BatchBuffer())
        waiting.add(batch)
        if waiting.full(self._sources[where.topic][1].batch_size):
            await self._count(where)

    async def _flush(self) -> None:
        """Count what has waited for long enough."""
        lingers = [subscription.linger for _, subscription in self._sources.values()]
        while True:
            await asyncio.sleep(max(0.02, min(lingers) / 4))
            for where, waiting in list(self._waiting.items()):
                if waiting.expired(self._sources[where.topic][1].linger):
                    await self._count(where)

    async def _count(self, where: TopicPartition) -> None:
        while await self._count_some(where):
            pass  # others had their turn in between

    async def _count_some(self, where: TopicPartition) -> bool:
        """Count what is held, or a first part of it; whether there is a rest of it."""
        async with self._checkpoints.turn:
            waiting = self._waiting.pop(where, None)
            if waiting is None or not self._active:
                return False
            batch = join(waiting.batches, self._group.positions()[where])
            source, _ = self._sources[where.topic]
            outcome = await self._in_engine(self._work.count, where, source, batch)
            counted = batch.head(outcome.messages)
            await self._deliver(where, counted, outcome)
            self._checkpoints.uncut += len(counted.payloads)
            if self._checkpoints.uncut >= self._options.flows:
                self._due.set()
            if counted is batch:
                return False
            self._waiting.setdefault(where, BatchBuffer()).put_back(batch.after(counted.end))
            return True

    async def _deliver(self, where: TopicPartition, batch: Batch, outcome: Outcome) -> None:
        """Dead letters and records on their way; the next checkpoint waits for them."""
        if self._options.dead_letters:
            for letter in outcome.rejects:
                await self._checkpoints.outbox.put(letter.payload, headers(letter, where, batch))
        rejected = outcome.rejected_messages()
        await self._delivery.deliver(outcome.records)
        self._limit.check(len(batch.payloads), rejected)

    async def _observe(self) -> None:
        while True:
            await asyncio.sleep(_OBSERVE_SECONDS)
            held = []
            for where, (position, age) in self._group.progress().items():
                end = self._consumer.highwater(TP(*where)) if self._active else None
                held.append(PartitionStatus(*where, position, end or position, age))
            self._work.observe(held)

    # -- checkpoints

    async def _every_interval(self) -> None:
        begun = time.monotonic()
        while True:
            pause = begun + self._options.interval - time.monotonic()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._due.wait(), max(0.0, pause))
            self._due.clear()
            begun = time.monotonic()
            if self._active:
                await self._checkpoints.make()

    def _cut(self) -> Mapping[TopicPartition, tuple[Partition, Snapshot]]:
        with self._work.counts():
            return self._group.snapshot()

    async def _in_engine(self, function: Callable[..., Any], *arguments: Any) -> Any:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._engine, function, *arguments)
