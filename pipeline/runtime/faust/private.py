"""What only private parts of aiokafka and Faust can do: all of it is here.

Both libraries are pinned to a minor version in pyproject.toml. An upgrade must pass
tests/runtime/faust/test_private.py first, which drives these parts with recorded fetches.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, cast

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

POLL_RECORDS = 20_000
"""Records of a partition after which a poll takes no further record batch of it."""


class Fetched:
    """The records of a poll of one partition, as aiokafka's parser made them.

    The reader stood at offset `start` before them and at `end` after them; there may be none in
    between (control batches, aborted transactions, compacted records).
    """

    def __init__(self, start: int) -> None:
        self.start = self.end = start
        self.records: list[Any] = []

    def __len__(self) -> int:
        return int(self.end > self.start)


class BatchingRecords(OrderedDict[TopicPartition, Any]):
    """aiokafka's fetched data; those of some topics are handed over as `Fetched`.

    aiokafka's own way stops at each record and makes a ConsumerRecord of it, which takes longer
    (about 2 us) than all else that is done to a record.
    """

    def __init__(self, topics: frozenset[str]) -> None:
        super().__init__()
        self._topics = topics

    def __setitem__(self, tp: TopicPartition, result: Any) -> None:
        found = getattr(result, "_partition_records", None)
        if found is not None and tp.topic in self._topics:
            found._records = _RecordBatches(found._records)
            found._consumer_record = partial(_fresh, found)
            result.getall = partial(_take, result)
        super().__setitem__(tp, result)


class _RecordBatches:
    """Fetched record batches, each with one item: the list of its records."""

    def __init__(self, batches: Any) -> None:
        self.has_next = batches.has_next
        self._batches = batches

    def next_batch(self) -> _OneItem:
        return _OneItem(self._batches.next_batch())


class _OneItem:
    """A record batch as aiokafka's reader wants it, which goes through it record by record."""

    def __init__(self, batch: Any) -> None:
        self._batch = batch

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    def __next__(self) -> Any:
        return next(self._batch)  # of a control batch

    def __iter__(self) -> Iterator[_Records]:
        records = _Records(self._batch)
        return iter([records] if records else [])


class _Records(list[Any]):
    """Records of a record batch; as one record, it is at the offset of the last one."""

    @property
    def offset(self) -> int:
        offset: int = self[-1].offset
        return offset


def _fresh(found: Any, _tp: TopicPartition, records: _Records) -> list[Any]:
    """The records that were not handed over before (the broker sends whole record batches)."""
    start = found.next_fetch_offset
    if records[0].offset >= start:
        return records
    return [record for record in records if record.offset >= start]


def _take(result: Any, _most: int) -> Fetched | list[Any]:
    """FetchResult.getall: no more record batches than hold POLL_RECORDS."""
    if not result.check_assignment(result._topic_partition) or not result.has_more():
        return []
    batches = result._partition_records
    fetched = Fetched(batches.next_fetch_offset)
    for records in batches:
        fetched.records += records
        if len(fetched.records) >= POLL_RECORDS:
            break
    else:
        result._update_position()
        fetched.end = batches.next_fetch_offset
        result._partition_records = None
        return fetched
    result._update_position()
    fetched.end = batches.next_fetch_offset
    return fetched


def read_as(consumer: AIOKafkaConsumer, *, committed: bool, wait_ms: int) -> None:
    """Set what Faust does not hand on to a consumer that is not started: isolation, fetch wait."""
    consumer._isolation_level = "read_committed" if committed else "read_uncommitted"
    consumer._fetch_max_wait_ms = wait_ms


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


def fetcher_ended(consumer: AIOKafkaConsumer) -> bool:
    """Whether its reader has ended, after which nothing comes any more."""
    return bool(consumer._fetcher.error_future.done())


def started(consumer: Any) -> bool:
    """Whether Faust's consumer has made its client."""
    return bool(consumer._thread._consumer)


def client_of(consumer: AIOKafkaConsumer) -> Any:
    """Its AIOKafkaClient, for requests that a consumer has no method for."""
    return consumer._client


def batch_records(consumer: AIOKafkaConsumer, topics: frozenset[str]) -> None:
    """Let a started consumer hand over the records of these topics as `Fetched`."""
    consumer._fetcher._records = BatchingRecords(topics)


def member_id(consumer: AIOKafkaConsumer) -> str:
    """The name the group gave this member; it gives another one when it forgot the member."""
    return str(consumer._coordinator.member_id)


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
    except (IllegalGenerationError, RebalanceInProgressError, UnknownMemberIdError):
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

    Faust waits for all of them when it stops, also when it is cancelled.
    """
    client = getattr(app.producer, "_producer", None)
    if client is not None:
        client._message_accumulator.fail_all(KafkaError("the membership has ended"))


def aiokafka_consumer(consumer: Any) -> AIOKafkaConsumer:
    """The client inside Faust's consumer."""
    return consumer._thread._ensure_consumer()


def accept_from(consumer: Any, partitions: Mapping[TP, int]) -> None:
    """Let Faust's consumer deliver messages from these offsets on again."""
    consumer._read_offset.update({tp: offset or None for tp, offset in partitions.items()})
