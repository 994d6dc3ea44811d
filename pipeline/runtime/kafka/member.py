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
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, Protocol, cast

import faust
import msgspec
from aiokafka.errors import KafkaError as ClientError
from faust.exceptions import FaustError
from faust.types import TP

from pipeline.kafka_client import KafkaError, Subscription
from pipeline.plan import Outcome
from pipeline.runtime.changelog import ChangelogError, Record, read
from pipeline.runtime.deadletters import Limit
from pipeline.runtime.delivery import Delivery
from pipeline.runtime.group import Group, packed
from pipeline.runtime.kafka.folding import (
    POLL_RECORDS,
    FoldingConsumer,
    FoldingTransport,
    PassThrough,
)
from pipeline.runtime.kafka.topics import changelog
from pipeline.runtime.outbox import Headers, Outbox, headers
from pipeline.runtime.partition import Batch, Where, join
from pipeline.telemetry import Held

_FETCH_BYTES = 4 * 1024 * 1024
_HELD_BYTES = 16 * 1024 * 1024
_MESSAGE_BYTES = 17 * 1024 * 1024
_REQUEST_SECONDS = 90.0
_FINISH_SECONDS = 5.0
_LEAVE_SECONDS = 3.0
_OBSERVE_SECONDS = 1.0
_log = logging.getLogger(__name__)


class MovedError(Exception):
    """A topic is not what it was when the membership began; another one can cope."""


class Work(Protocol):
    """What the worker does with a batch, in the engine's thread."""

    def count(self, where: Where, source: str, batch: Batch) -> Outcome:
        """Run the plan over the batch, or a first part, and add what came out to the counts."""

    def counts(self) -> Any:
        """A context in which no batch is counted and no plan renewed."""

    def observe(self, partitions: list[Held]) -> None:
        """Show how far these partitions are, and no others."""


class Options(msgspec.Struct, frozen=True):
    """How a worker behaves: checkpoints (seconds, messages), dead letters and their limits."""

    interval: float = 2.0
    flows: int = 1_000_000
    dead_letters: str = ""
    max_ratio: float = 0.0
    max_consecutive: int = 0


class _Held:
    """Batches of one partition on their way to the plan."""

    def __init__(self) -> None:
        self.batches: list[Batch] = []
        self.messages = self.bytes = 0
        self.since = 0.0

    def add(self, batch: Batch) -> None:
        if not self.batches:
            self.since = time.monotonic()
        self.batches.append(batch)
        self.messages += len(batch.payloads)
        self.bytes += sum(map(len, batch.payloads))

    def put_back(self, rest: Batch) -> None:
        """Hold what is left of a batch, before those that came after it."""
        newer, self.batches = self.batches, []
        self.add(rest)
        self.batches += newer


class _LedgerTable(faust.Table[bytes, bytes]):
    """A table whose changelog is read as `changelog` writes it; it has no local copy."""

    logger = logging.getLogger("faust.tables")

    def __init__(self, *args: Any, member: Member, topic: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.member = member
        self.topic = topic
        self.records: dict[int, dict[bytes, bytes]] = {}
        self._generation = 0

    async def on_rebalance(
        self, assigned: set[TP], revoked: set[TP], newly_assigned: set[TP], generation_id: int = 0
    ) -> None:
        """Note the generation, in which partitions may be ours still."""
        self.member.joined()
        self._generation = generation_id
        self.records = {}
        await super().on_rebalance(assigned, revoked, newly_assigned, generation_id)

    def persisted_offset(self, tp: TP) -> int | None:
        """From where the changelog is to be read: its start, or not at all."""
        where = Where(self.topic, tp.partition)
        if self.member.group.keeps(where, self._generation):
            return self.member.written.get(where, -1)
        return -1

    def apply_changelog_batch(self, batch: Iterable[Any]) -> None:
        """Keep the last record of each key."""
        for event in batch:
            message = event.message
            records = self.records.setdefault(message.partition, {})
            if message.value is None:
                records.pop(message.key, None)
            else:
                records[message.key] = message.value

    async def on_recovery_completed(self, active_tps: set[TP], standby_tps: set[TP]) -> None:
        """Faust has read the changelogs: take over the partitions."""
        await super().on_recovery_completed(active_tps, standby_tps)
        recovery = cast("Any", self.app.tables).recovery
        read = recovery._generation_id  # noqa: SLF001 - Faust tells nobody for whom it has read
        if self.holds(read) and not recovery.signal_recovery_start.is_set():
            await self.member.restore(self, {tp.partition for tp in active_tps}, read)

    def holds(self, generation: int) -> bool:
        """Whether `records` are of this generation; the next one reads them anew."""
        return self._generation == generation


class Member:
    """A membership; `run` returns when it was told to stop, and raises what ended it otherwise."""

    def __init__(
        self,
        *,
        subscriptions: Mapping[str, Subscription],
        partitions: Mapping[str, int],
        group: Group,
        work: Work,
        options: Options,
        delivery: Delivery,
        limit: Limit,
        engine: ThreadPoolExecutor,
        say: Callable[[str], None],
    ) -> None:
        self.group = group
        self.written: dict[Where, int] = {}
        """The last changelog offset this process wrote, by partition."""
        self._sources = {t: (name, s) for name, s in subscriptions.items() for t in s.topics}
        self._partitions = partitions
        self._work = work
        self._options = options
        self._delivery = delivery
        self._limit = limit
        self._engine = engine
        self._say = say
        self._held: dict[Where, _Held] = {}
        self._name = ""
        self._active = False
        self._turn = asyncio.Lock()  # one batch, or the cut of a checkpoint
        self._checkpointing = asyncio.Lock()
        self._outbox = Outbox(options.dead_letters, self._send_letter)
        self._uncut = 0
        self._due = asyncio.Event()
        self._failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._app = self._made()
        self._tables = {topic: self._table(topic) for topic in self._sources}

    async def run(self, stopping: asyncio.Event) -> None:
        """Join, count until `stopping`, leave."""
        self._say("joining the group")
        tasks = self._flush(), self._checkpoints(), self._observe()
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
        with suppress(TimeoutError, FaustError, ClientError, AttributeError):
            await asyncio.wait_for(asyncio.shield(self._app.stop()), _LEAVE_SECONDS)
        if not starting.done():
            starting.cancel()

    async def _crashed(self) -> None:
        await self._app.wait_until_stopped()
        raise self._app.crash_reason or FaustError("Faust has stopped")

    def _fail(self, error: BaseException) -> None:
        if not self._failed.done():
            self._failed.set_exception(error)

    # -- the app

    def _made(self) -> faust.App:
        first = next(iter(self._sources.values()))[1]
        arguments = first.connection.arguments()
        session = first.session_timeout
        app = faust.App(
            first.group,
            broker=[f"kafka://{broker}" for broker in first.connection.brokers],
            broker_credentials=_credentials(arguments),
            broker_max_poll_records=POLL_RECORDS,
            broker_session_timeout=session,
            broker_heartbeat_interval=max(0.3, session / 4),
            broker_request_timeout=max(_REQUEST_SECONDS, session),
            broker_rebalance_timeout=max(10.0, session),
            consumer_max_fetch_size=_FETCH_BYTES,
            consumer_auto_offset_reset="earliest",
            consumer_group_instance_id=first.instance or None,
            consumer_metadata_max_age_ms=10_000,
            processing_guarantee="at_least_once",
            producer_request_timeout=_REQUEST_SECONDS,
            producer_max_request_size=_MESSAGE_BYTES,
            producer_linger=0.0,
            store="memory://",
            stream_buffer_maxsize=2,
            stream_recovery_delay=0.0,
            stream_wait_empty=False,
            table_standby_replicas=0,
            topic_disable_leader=True,
            web_enabled=False,
        )
        transport = FoldingTransport(app.conf.broker_consumer, app)
        transport.folded = frozenset(self._sources)
        transport.positions = self.group.positions
        app.transport = transport
        app.on_partitions_revoked.connect(self._revoked, weak=False)
        for topic in self._sources:
            flows = app.topic(topic, schema=PassThrough(), acks=False)
            app.agent(flows, name=f"count-{topic}")(self._agent)
        return app

    def _table(self, topic: str) -> _LedgerTable:
        table = _LedgerTable(
            self._app,
            name=f"{topic}-ledger",
            member=self,
            topic=topic,
            key_type=bytes,
            value_type=bytes,
            partitions=self._partitions[topic],
        )
        self._app.tables.add(table)
        named = changelog(self._app.conf.id, topic)
        if table.changelog_topic.get_topic_name() != named:
            raise KafkaError(f"the changelog of {topic} is not called {named}")
        return table

    @property
    def _consumer(self) -> FoldingConsumer:
        return cast("FoldingConsumer", self._app.consumer)

    # -- partitions come and go

    def joined(self) -> None:
        """The group has let us in; under a new name, our partitions may have been another's."""
        before, self._name = self._name, self._consumer.name_in_group
        if before and self._name != before:
            self.group.forget()
            if instance := self._app.conf.consumer_group_instance_id:
                _log.warning(
                    "the group did not know this worker any more; if another one has "
                    'group_instance_id "%s" as well, give each its own',
                    instance,
                )

    async def restore(self, table: _LedgerTable, partitions: set[int], generation: int) -> None:
        """Take over the partitions of a topic that are assigned now."""
        try:
            await self._restore(table, partitions, generation)
        except Exception as error:  # noqa: BLE001 - Faust would not look at it
            self._fail(error)

    async def _restore(self, table: _LedgerTable, partitions: set[int], generation: int) -> None:
        topic = table.topic
        assigned = {tp.partition for tp in self._consumer.assignment() if tp.topic == topic}
        if assigned != partitions or (assigned and max(assigned) >= self._partitions[topic]):
            raise MovedError(f"the partitions of {topic} have changed")
        wheres = {Where(topic, number) for number in partitions}
        kept = {where for where in wheres if self.group.keeps(where, generation)}
        self.group.keep(topic, kept, generation)
        await self._take(table, wheres - kept, generation)
        if not table.holds(generation):
            return
        table.records = {}
        self._restored(topic)

    async def _take(self, table: _LedgerTable, wheres: set[Where], generation: int) -> None:
        if not wheres:
            return
        tps = {where: TP(*where) for where in wheres}
        firsts = await self._consumer.earliest_offsets(*tps.values())
        ends = await self._consumer.highwaters(*tps.values())
        if not table.holds(generation):
            return
        for where, tp in tps.items():
            try:
                state = read(table.records.get(where.partition, {}))
            except ChangelogError as error:
                name = table.changelog_topic.get_topic_name()
                raise KafkaError(
                    f"{name}[{where.partition}]: {error}. Go on under another group_id, or delete "
                    f"{name} to start from zero"
                ) from error
            first, end = firsts[tp] or 0, ends[tp] or 0
            position = state.position
            if position is None:
                position = end if self._sources[where.topic][1].from_end else first
            elif position > end:
                raise KafkaError(
                    f"{where} ends at {end}, but its counts include {position} messages: was the "
                    "topic deleted and made again? Go on under another group_id, or delete "
                    f"{table.changelog_topic.get_topic_name()} to start from zero"
                )
            elif position < first:
                lost = first - position
                _log.error("%s: %d messages were deleted before they were counted", where, lost)
            self.group.restore(where, state, generation, position)

    def _restored(self, topic: str) -> None:
        _log.info("%s: %d partitions", topic, len(self.group.positions()))
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
        async with self._turn:
            self._held.clear()
        await self.checkpoint()

    # -- flows

    async def _agent(self, stream: Any) -> None:
        async for event in stream.events():
            message = event.message
            try:
                await self._feed(Where(message.topic, message.partition), event.value)
            except Exception as error:  # noqa: BLE001 - Faust would restart the agent
                self._fail(error)

    async def _feed(self, where: Where, batch: Batch) -> None:
        if not self._active:
            return
        held = self._held.setdefault(where, _Held())
        held.add(batch)
        source = self._sources[where.topic][1]
        if held.messages >= source.batch_size or held.bytes >= _HELD_BYTES:
            await self._count(where)

    async def _flush(self) -> None:
        """Count what has waited for long enough."""
        lingers = [subscription.linger for _, subscription in self._sources.values()]
        while True:
            await asyncio.sleep(max(0.02, min(lingers) / 4))
            now = time.monotonic()
            for where, held in list(self._held.items()):
                linger = self._sources[where.topic][1].linger
                if held.batches and now - held.since >= linger:
                    await self._count(where)

    async def _count(self, where: Where) -> None:
        while await self._count_some(where):
            pass  # others had their turn in between

    async def _count_some(self, where: Where) -> bool:
        """Count what is held, or a first part of it; whether there is a rest of it."""
        async with self._turn:
            held = self._held.pop(where, None)
            if held is None or not self._active:
                return False
            batch = join(held.batches, self.group.positions()[where])
            source, _ = self._sources[where.topic]
            outcome = await self._in_engine(self._work.count, where, source, batch)
            counted = batch.head(outcome.messages)
            await self._deliver(where, counted, outcome)
            self._uncut += len(counted.payloads)
            if self._uncut >= self._options.flows:
                self._due.set()
            if counted is batch:
                return False
            self._held.setdefault(where, _Held()).put_back(batch.after(counted.end))
            return True

    async def _deliver(self, where: Where, batch: Batch, outcome: Outcome) -> None:
        """Dead letters and records on their way; the next checkpoint waits for them."""
        if self._options.dead_letters:
            for letter in outcome.dead:
                await self._outbox.put(letter.payload, headers(letter, where, batch))
        rejected = [letter.index for letter in outcome.dead if letter.index >= 0]
        await self._delivery.deliver(outcome.records)
        self._limit.check(len(batch.payloads), rejected)

    async def _send_letter(self, payload: bytes, named: Headers) -> Awaitable[Any]:
        return await self._send(self._options.dead_letters, None, payload, None, named)

    async def _observe(self) -> None:
        while True:
            await asyncio.sleep(_OBSERVE_SECONDS)
            held = []
            for where, (position, age) in self.group.progress().items():
                end = self._consumer.highwater(TP(*where)) if self._active else None
                held.append(Held(*where, position, end or position, age))
            self._work.observe(held)

    # -- checkpoints

    async def _checkpoints(self) -> None:
        begun = time.monotonic()
        while True:
            pause = begun + self._options.interval - time.monotonic()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._due.wait(), max(0.0, pause))
            self._due.clear()
            begun = time.monotonic()
            if self._active:
                await self.checkpoint()

    async def checkpoint(self) -> None:
        """Make durable what is counted, then show it."""
        async with self._checkpointing:
            async with self._turn:
                letters = self._outbox.take()
                self._uncut = 0
                cuts = await self._in_engine(self._cut)
            checkpoints = await asyncio.to_thread(packed, cuts)
            await self._outbox.arrived(letters)
            await self._write({where: found.parts for where, found in checkpoints.items()})
            await self._write({where: [found.manifest] for where, found in checkpoints.items()})
            self.group.delivered(checkpoints)
            await self._confirm()
            await self._write({where: found.deletions for where, found in checkpoints.items()})

    def _cut(self) -> Any:
        with self._work.counts():
            return self.group.cut()

    async def _write(self, records: Mapping[Where, Sequence[Record]]) -> None:
        """Write to the changelogs; when it returns, it is durable."""
        wheres, sent = [], []
        for where, some in records.items():
            topic = changelog(self._app.conf.id, where.topic)
            for key, value in some:
                wheres.append(where)
                sent.append(await self._send(topic, key, value, where.partition, None))
        for where, found in zip(wheres, await asyncio.gather(*sent), strict=True):
            self.written[where] = max(found.offset, self.written.get(where, -1))

    async def _confirm(self) -> None:
        """Commit the offsets: the group takes them from its members only."""
        for generation, positions in self.group.unconfirmed().items():
            try:
                taken = await self._consumer.commit_in(generation, positions)
            except ClientError as error:
                _log.warning("the group does not answer: %r", error)
                return
            if taken:
                await self._in_engine(self.group.confirmed, positions)

    async def _send(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        partition: int | None,
        headers: Headers | None,
    ) -> Awaitable[Any]:
        sent: Awaitable[Any] = await self._app.producer.send(
            topic, key, value, partition, None, headers
        )
        return sent

    async def _in_engine(self, function: Callable[..., Any], *arguments: Any) -> Any:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._engine, function, *arguments)


def _credentials(arguments: Mapping[str, Any]) -> Any:
    context = arguments.get("ssl_context")
    if "sasl_mechanism" in arguments:
        return faust.SASLCredentials(
            username=arguments["sasl_plain_username"],
            password=arguments["sasl_plain_password"],
            ssl_context=context,
            mechanism=arguments["sasl_mechanism"],
        )
    return faust.SSLCredentials(context) if context else None
