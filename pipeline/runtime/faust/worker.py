"""A Kafka worker: one membership of the group after the other, until it is told to stop."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager

import msgspec

from pipeline.dead_letters.limit import DlqLimit, TooManyDeadLettersError
from pipeline.exposition.self_metrics import PartitionStatus, Telemetry
from pipeline.kafka.batch import Batch, TopicPartition
from pipeline.kafka.connection import BrokerError, Subscription
from pipeline.kafka.topics import prepare
from pipeline.plan.bisect import PoisonIsolator
from pipeline.plan.live import ActivePlan
from pipeline.plan.outcome import Outcome
from pipeline.plan.plan import Plan
from pipeline.runtime.delivery import Delivery
from pipeline.runtime.faust.membership import Membership, WorkerOptions
from pipeline.state.assignment import Assignment

_PAUSE = 1.0
_LONGEST_PAUSE = 10.0
_log = logging.getLogger(__name__)


class Worker:
    """Consumes the topics of a plan's sources; the counts are the group's."""

    def __init__(
        self, live: ActivePlan, group: Assignment, telemetry: Telemetry, options: WorkerOptions
    ) -> None:
        self._live = live
        self._group = group
        self._telemetry = telemetry
        self._options = options
        self._subscriptions = _subscriptions(live.plan)
        self._limit = DlqLimit(options.max_ratio, options.max_consecutive)
        self._pieces = PoisonIsolator()
        self._advance: Callable[[int], None] = lambda _: None
        self._ended = threading.Event()
        self._stopped = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None
        self._told = False
        self._preparing = False
        self._engine = ThreadPoolExecutor(1, "engine")
        self.reason = "not started"
        """Why it is not ready; "" when it is."""

    def stop(self) -> None:
        """Finish the batch, make it durable, leave the group. A signal handler may call it."""
        self._told = True
        self._stopped.set()
        if self._loop and self._stopping:
            self._loop.call_soon_threadsafe(self._stopping.set)

    def wait(self) -> None:
        """Return when the run has ended."""
        self._ended.wait()

    def run(self, advance: Callable[[int], None] = lambda _: None) -> None:
        """Consume until `stop()`. `advance` is told the number of messages of each batch.

        Raises KafkaError and TooManyDeadLettersError, which trying again does not help. What else
        may happen to brokers and connections is waited for.
        """
        self._advance = advance
        try:
            asyncio.run(self._run())
        finally:
            self.reason = "it has ended"
            self._ended.set()

    async def _run(self) -> None:
        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        if self._told:
            return
        running = asyncio.create_task(self._memberships(self._stopping))
        stopped = asyncio.create_task(self._stopping.wait())
        with self._engine:
            await asyncio.wait([running, stopped], return_when=asyncio.FIRST_COMPLETED)
            if not running.done() and self._preparing:
                running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            stopped.cancel()
        if not running.cancelled():
            running.result()

    async def _memberships(self, stopping: asyncio.Event) -> None:
        pause = _PAUSE
        while not stopping.is_set():
            started = time.monotonic()
            try:
                await self._membership(stopping)
            except (BrokerError, TooManyDeadLettersError):
                raise
            except Exception as error:  # noqa: BLE001 - it goes on from what is durable
                self._say(f"the connection to the group was lost: {error!r}")
                _log.warning("%s; joining again", self.reason)
                _log.debug("because of", exc_info=error)
            if time.monotonic() - started > _LONGEST_PAUSE:
                pause = _PAUSE
            if not stopping.is_set():
                await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    async def _membership(self, stopping: asyncio.Event) -> None:
        first = next(iter(self._subscriptions.values()))
        topics = [topic for source in self._subscriptions.values() for topic in source.topics]
        self._preparing = True
        partitions = await prepare(
            first.connection, first.group, topics, self._options.dead_letters, self._say
        )
        self._preparing = False
        self._group.topics = partitions
        if stopping.is_set():
            return
        self._group.forget()
        async with Delivery(self._live.plan.context.folder) as delivery:
            member = Membership(
                subscriptions=self._subscriptions,
                partitions=partitions,
                group=self._group,
                work=self,
                options=self._options,
                delivery=delivery,
                limit=self._limit,
                engine=self._engine,
                say=self._say,
            )
            await member.run(stopping)

    def _say(self, reason: str) -> None:
        self.reason = reason

    def count(self, where: TopicPartition, source: str, batch: Batch) -> Outcome:
        """Run the plan and add what came out to the counts of the partition.

        When a stage fails, it is about a first part of the batch (see `pieces`).
        """
        with self._live.batch(self._stopped) as plan:
            outcome = self._pieces.run(plan, source, batch.payloads)
            batch = batch.head(outcome.messages)
            self._group.count(where, outcome.deltas, batch.end, time.time())
            messages = len(batch.payloads) - batch.payloads.count(b"")
            self._telemetry.batch(source, messages, outcome)
            rejected = len(outcome.rejected_messages())
            self._telemetry.add("kafka_rejected", rejected, where.topic, str(where.partition))
        self._advance(len(batch.payloads))
        return outcome

    def observe(self, partitions: list[PartitionStatus]) -> None:
        """Show how far these partitions are, and no others."""
        self._telemetry.set_partitions(partitions)

    def counts(self) -> AbstractContextManager[None]:
        """A context in which no batch is counted and no plan renewed."""
        return self._live.paused()


def _subscriptions(plan: Plan) -> Mapping[str, Subscription]:
    """What the sources consume, by source. Raises KafkaError when one group cannot do it."""
    found: dict[str, Subscription] = {}
    for source in plan.sources:
        subscription = source.subscription(plan.context.folder)
        if subscription is None:
            raise BrokerError(
                f'stage "{source.name}": a local source cannot run beside one that reads Kafka'
            )
        found[source.name] = subscription
    (name, first), *others = found.items()
    taken = dict.fromkeys(first.topics, name)
    for name, other in others:
        same = msgspec.structs.replace(
            first,
            topics=other.topics,
            from_end=other.from_end,
            batch_size=other.batch_size,
            linger=other.linger,
        )
        if same != other:
            raise BrokerError(
                f'stage "{name}": sources that read Kafka share brokers, tls, sasl, group_id and '
                "session_timeout"
            )
        for topic in other.topics:
            if topic in taken:
                raise BrokerError(f'stage "{name}": topic {topic} is read by "{taken[topic]}"')
            taken[topic] = name
    if first.instance and os.environ.get("FLOWMATRIX_WORKER"):
        numbered = f"{first.instance}-{os.environ['FLOWMATRIX_WORKER']}"
        return {n: msgspec.structs.replace(s, instance=numbered) for n, s in found.items()}
    return found
