"""What only private parts of aiokafka and Faust can do: all of it is here and in `fetched`.

Both libraries are pinned to a minor version in pyproject.toml. An upgrade must pass
test_private.py and test_fetched.py of tests/runtime/faust first, which drive these parts.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Hashable, Iterator, Mapping
from itertools import chain
from typing import Any, NamedTuple, cast

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import (
    IllegalGenerationError,
    KafkaError,
    RebalanceInProgressError,
    UnknownMemberIdError,
)
from aiokafka.structs import OffsetAndMetadata
from faust.types import TP, AppT

from pipeline.kafka.batch import TopicPartition
from pipeline.kafka.errors import FencedInstanceIdError
from pipeline.runtime.faust.fetched import BatchingRecords


def read_as(consumer: AIOKafkaConsumer, *, committed: bool) -> None:
    """Set the isolation of a consumer that is not started, which Faust does not hand on."""
    consumer._isolation_level = "read_committed" if committed else "read_uncommitted"


class Hold(NamedTuple):
    """A broker answers a fetch when so many bytes are there, or so long (ms) after it came."""

    min_bytes: int
    wait_ms: int


def hold_fetches(consumer: AIOKafkaConsumer, hold: Hold) -> None:
    """How a started consumer asks from its next fetch on."""
    fetcher = consumer._fetcher
    fetcher._fetch_min_bytes, fetcher._fetch_max_wait_ms = hold


def coordinator_known(consumer: AIOKafkaConsumer) -> bool:
    """Whether the coordinator of the group is known; a client that loses it forgets it."""
    return consumer._coordinator.coordinator_id is not None


async def coordinator_error(consumer: AIOKafkaConsumer) -> KafkaError | None:
    """What keeps the coordinator from going on. It tries again after this was asked for.

    A heartbeat that an error has ended is not begun again before the next join: it is asked for.
    """
    coordinator = consumer._coordinator
    try:
        coordinator.check_errors()
    except KafkaError as failure:
        error: KafkaError = failure
        if coordinator._heartbeat_task and coordinator._heartbeat_task.done():
            coordinator.request_rejoin()
        return error
    return None


_ENDLESS = {
    "_fetcher": "_fetch_task",
    "_coordinator": "_coordination_task",
    "_client": "_sync_task",
}
"""Parts of a consumer, and the task of each that ends only when it is stopped."""


def _ended(consumer: AIOKafkaConsumer) -> Iterator[tuple[Any, str, BaseException]]:
    """A part of the consumer, its task, and what that has ended with."""
    for part, name in _ENDLESS.items():
        owner = getattr(consumer, part)
        task = getattr(owner, name, None)
        if task and task.done() and not task.cancelled() and (error := task.exception()):
            yield owner, name, error


def crash(consumer: AIOKafkaConsumer) -> KafkaError | None:
    """What a task of the consumer has ended with; nothing comes any more then.

    An answer that the task does not understand is enough, and aiokafka tells nobody.
    """
    for _, _, error in _ended(consumer):
        return KafkaError(f"the Kafka client has failed with {error.__cause__ or error!r}")
    return None


def forget_crash(consumer: AIOKafkaConsumer) -> None:
    """Let a consumer be stopped: what its tasks have ended with would be raised there."""
    for owner, name, _ in _ended(consumer):
        ended = asyncio.get_running_loop().create_future()
        ended.cancel()
        setattr(owner, name, ended)
        if owner is consumer._fetcher:
            owner._pending_tasks -= {fetch for fetch in owner._pending_tasks if fetch.done()}


def started(consumer: Any) -> bool:
    """Whether Faust's consumer has made its client."""
    return bool(consumer._thread._consumer)


_LONG_ANSWERS = {11, 14}
"""To join and to sync, which a broker answers when the whole group has."""


def awaited(consumer: AIOKafkaConsumer, topics: frozenset[str]) -> dict[Hashable, str]:
    """The answers that a consumer waits for: of its connections, and of partitions of `topics`.

    Each under what stays the same while nothing of it comes. A partition is waited for when all
    that came of it is taken: before that, the reader does not ask for more.
    """
    found: dict[Hashable, str] = {}
    for conn in consumer._client._conns.values():
        size = len(conn._reader._buffer) if conn.connected() else 0
        if conn._requests:
            number, request, _ = conn._requests[0]
            if request is not None and request.API_KEY not in _LONG_ANSWERS:
                text = f"the broker at {conn.host}:{conn.port} does not answer"
                found["request", id(conn), number, size] = text
    subscription = consumer._subscription.subscription
    if subscription is None or subscription.assignment is None:
        return found
    for tp in subscription.assignment.tps:
        state = subscription.assignment.state_value(tp)
        if tp.topic in topics and tp not in consumer._fetcher._records and not state.paused:
            text = f"{tp.topic}[{tp.partition}] cannot be read: no fetch of it succeeds"
            found["fetch", tp, state.timestamp] = text
    return found


def client_of(consumer: AIOKafkaConsumer) -> Any:
    """Its AIOKafkaClient, for requests that a consumer has no method for."""
    return consumer._client


def batch_records(consumer: AIOKafkaConsumer, topics: frozenset[str]) -> None:
    """Let a started consumer hand over the records of these topics as `Fetched`."""
    consumer._fetcher._records = BatchingRecords(topics)


def member_id(consumer: AIOKafkaConsumer) -> str:
    """The name the group gave this member; it gives another one when it forgot the member."""
    return str(consumer._coordinator.member_id)


_MOVED_ON = (
    *(IllegalGenerationError, RebalanceInProgressError, UnknownMemberIdError),
    FencedInstanceIdError,
)


async def commit_as(
    consumer: AIOKafkaConsumer, generation: int, offsets: Mapping[TopicPartition, int]
) -> bool:
    """Commit offsets as a member of that generation; False when the group has moved on.

    The consumer's public commit has no generation.
    """
    coordinator = consumer._coordinator
    await coordinator.ensure_coordinator_known()
    subscription = consumer._subscription.subscription
    if coordinator.generation != generation or subscription.assignment is None:
        return False
    committed = {TopicPartition(*w): OffsetAndMetadata(at, "") for w, at in offsets.items()}
    try:
        await coordinator._do_commit_offsets(subscription.assignment, committed)
    except _MOVED_ON:
        return False
    return True


async def leave(consumer: AIOKafkaConsumer) -> None:
    """Leave the group; a member with a `group_instance_id` only stops its heartbeat.

    Nothing is left to do for the `stop` of the consumer then.
    """
    await consumer._coordinator.close()


def recovered_generation(app: AppT) -> int | None:
    """The generation whose changelogs Faust has read; None when another one has begun."""
    recovery = cast("Any", app.tables).recovery
    return None if recovery.signal_recovery_start.is_set() else int(recovery._generation_id)


def recovery_left(app: AppT) -> dict[TopicPartition, tuple[int, int]]:
    """Of changelogs that Faust has not read to their end: the last offset it has, and the last."""
    recovery = cast("Any", app.tables).recovery
    if not recovery.in_recovery:
        return {}
    return {
        TopicPartition(*tp): (recovery.active_offsets[tp], last)
        for tp, last in recovery.active_highwaters.items()
        if recovery.active_remaining()[tp] > 0
    }


def give_up_sending(app: AppT) -> None:
    """Let every record that is not durable yet fail now, instead of after its delivery time.

    Faust waits for all of them when it stops, also when it is cancelled. Whoever waits for one is
    told; that nobody does any more is ordinary then, and asyncio is not to complain of it.
    """
    client = getattr(app.producer, "_producer", None)
    if client is None:
        return
    accumulator = client._message_accumulator
    accumulator.fail_all(KafkaError("the membership has ended"))
    for batch in chain(*accumulator._batches.values(), accumulator._pending_batches):
        for future in (batch._drain_waiter, *(sent for sent, _ in batch._msg_futures)):
            if not future.cancelled():
                future.exception()


def aiokafka_consumer(consumer: Any) -> AIOKafkaConsumer:
    """The client inside Faust's consumer."""
    return consumer._thread._ensure_consumer()


class _NoOffsets(defaultdict[TP, int | None]):
    """Faust's note of what it has delivered; it has none of some topics."""

    def __init__(self, topics: frozenset[str]) -> None:
        super().__init__(lambda: None)
        self._topics = topics

    def __getitem__(self, tp: TP) -> int | None:
        return None if tp.topic in self._topics else super().__getitem__(tp)


def deliver_all(consumer: Any, topics: frozenset[str]) -> None:
    """Let Faust's consumer deliver what comes of these topics, also what it has delivered before.

    An event is of several partitions there, and Faust would judge it by one of them.
    """
    consumer._read_offset = _NoOffsets(topics)
