"""The private parts of aiokafka and Faust that are used are there, and do what they are used for.

`fetches.json` has fetches as a broker of Kafka 4.1 answered them: record batches, and which
transactions in them were aborted.
"""

from __future__ import annotations

import asyncio
import gc
import inspect
import json
from base64 import b64decode
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple
from unittest.mock import AsyncMock, patch

import faust
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.client import AIOKafkaClient
from aiokafka.consumer import fetcher
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.consumer.subscription_state import Assignment
from aiokafka.errors import CorruptRecordException, KafkaError
from faust.tables.recovery import Recovery
from faust.transport.consumer import Consumer
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread
from faust.types import TP

from pipeline.decode.record_batches import RecordBatches
from pipeline.runtime.faust import private
from pipeline.runtime.faust.private import BatchingRecords, Fetched, Hold, hold_fetches

_HEAD = 61
"""Bytes of a record batch before its records."""
_FETCHES = json.loads((Path(__file__).parent / "fetches.json").read_text())


class Seen(NamedTuple):
    """What a fetch gave: its ends, offsets and values, and where the reader stands then."""

    start: int
    end: int
    values: dict[int, bytes]
    position: int


def fetched(name: str, behind: int = 0) -> bytes:
    """The record batches of a recorded fetch that come behind the first ones."""
    data = b64decode(_FETCHES[name]["data"])
    for _ in range(behind):
        data = data[12 + int.from_bytes(data[8:12], "big") :]  # offset, length, the rest
    return data


def taken(
    name: str, position: int = 0, behind: int = 0, *, batched: bool = True, polls: int = 1
) -> list[Seen]:
    """The polls of a recorded fetch, or a part of it, that was asked for at an offset."""

    async def run() -> list[Seen]:
        tp = TopicPartition("t", 0)
        assignment = Assignment([tp])
        state = assignment.state_value(tp)
        state.reset_to(position)
        found = fetcher.PartitionRecords(
            tp,
            RecordBatches(fetched(name, behind)),
            [tuple(aborted) for aborted in _FETCHES[name]["aborted"]],
            position,
            None,
            None,
            check_crcs=True,
            isolation_level=fetcher.READ_COMMITTED,
        )
        records = BatchingRecords(frozenset({"t"}) if batched else frozenset())
        result = fetcher.FetchResult(
            tp, assignment=assignment, partition_records=found, backoff=0.1
        )
        records[tp] = result
        seen = []
        for _ in range(polls):
            got = records[tp].getall(100)
            assert isinstance(got, Fetched) or not batched
            if isinstance(got, Fetched):
                values = dict(zip(got.offsets, got.payloads, strict=True))
                seen.append(Seen(got.start, got.end, values, state.position))
            else:
                values = {record.offset: record.value or b"" for record in got}
                seen.append(Seen(position, state.position, values, state.position))
        assert not result.has_more()
        return seen

    return asyncio.run(run())


@pytest.mark.parametrize("name", _FETCHES)
def test_the_records_are_those_that_aiokafka_gives(name: str) -> None:
    """Batched or not: the same records, aborted ones left out, and the same position after."""
    assert taken(name) == taken(name, batched=False)


def test_the_reader_stands_behind_what_is_no_record() -> None:
    """A fetch that ends with the marker of a transaction ends behind it."""
    (seen,) = taken("transactions")
    assert (seen.start, seen.end) == (0, 9)
    assert seen.values == {0: b"kept-0", 1: b"kept-1", 7: b"kept-0"}


def test_a_fetch_of_markers_alone_moves_on() -> None:
    """No record, and yet it counts as something that came."""
    (seen,) = taken("transactions", 8, 5)
    assert seen == Seen(8, 9, {}, 9)


def test_records_before_the_position_are_left_out() -> None:
    """A broker sends whole record batches."""
    (seen,) = taken("gzip", 3)
    assert seen == Seen(3, 5, {3: b"gzip-3", 4: b"gzip-4"}, 5)


def test_holes_between_records_are_kept() -> None:
    """Of a compacted topic; of other records the offsets need not be asked for one by one."""
    found = Fetched(3)
    for part in ((), (4, 5), (7, 9), (12,)):
        found.add([SimpleNamespace(value=b"v%d" % offset, offset=offset) for offset in part])
    assert found.offsets == [4, 5, 7, 9, 12]
    assert found.payloads == [b"v4", b"v5", b"v7", b"v9", b"v12"]


def test_a_fetch_is_let_go_without_the_collector_of_cycles(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It holds megabytes, and the collector has little reason to come."""
    monkeypatch.setattr(private, "POLL_RECORDS", 3)
    kinds = fetcher.PartitionRecords, fetcher.FetchResult
    gc.collect()
    gc.disable()
    try:
        taken("plain", polls=3)
        assert not [one for one in gc.get_objects() if type(one) in kinds]
    finally:
        gc.enable()


def test_a_poll_takes_no_more_than_its_share(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rest of the record batches comes with the next poll, without a gap."""
    monkeypatch.setattr(private, "POLL_RECORDS", 3)
    first, second, last = taken("plain", polls=3)
    assert (first.start, first.end, list(first.values)) == (0, 3, [0, 1, 2])
    assert (second.start, second.end, list(second.values)) == (3, 6, [3, 4, 5])
    assert second.values[5] == b""
    assert last == Seen(6, 6, {}, 6)


@pytest.mark.parametrize("topic", ["t", "a changelog"])
def test_a_damaged_batch_is_an_error_of_its_own(topic: str) -> None:
    """It is no result: while aiokafka gathers results, an error would lose those it has."""

    async def run() -> object:
        data = bytearray(fetched("plain"))
        data[_HEAD] ^= 1
        tp, batches = TopicPartition(topic, 3), RecordBatches(bytes(data))
        assert batches.has_next()
        found = fetcher.PartitionRecords(
            tp, batches, [], 0, None, None, check_crcs=True, isolation_level=fetcher.READ_COMMITTED
        )
        records = BatchingRecords(frozenset({"t"}))
        records[tp] = fetcher.FetchResult(
            tp, assignment=Assignment([tp]), partition_records=found, backoff=0.1
        )
        return records[tp]

    error = asyncio.run(run())
    assert isinstance(error, fetcher.FetchError)
    with pytest.raises(
        CorruptRecordException, match=rf"{topic}\[3\]: the record batch at offset 0"
    ):
        error.check_raise()


def test_what_was_fetched_before_a_seek_is_thrown_away() -> None:
    """The position has moved since: nothing is handed over."""

    async def run() -> None:
        tp = TopicPartition("t", 0)
        assignment = Assignment([tp])
        assignment.state_value(tp).reset_to(0)
        data = RecordBatches(fetched("plain"))
        found = fetcher.PartitionRecords(
            tp, data, [], 0, None, None, check_crcs=True, isolation_level=fetcher.READ_COMMITTED
        )
        records = BatchingRecords(frozenset({"t"}))
        records[tp] = fetcher.FetchResult(
            tp, assignment=assignment, partition_records=found, backoff=0.1
        )
        assignment.state_value(tp).seek(2)
        assert len(records[tp].getall(100)) == 0

    asyncio.run(run())


def test_the_parts_of_a_consumer() -> None:
    """What is read and written of a client that has not joined a group."""

    async def run() -> None:
        consumer = AIOKafkaConsumer(bootstrap_servers="127.0.0.1:1", group_id="g")
        for name in ("_fetcher", "_coordinator", "_subscription", "_client"):
            assert hasattr(consumer, name), name
        assert "_isolation_level" in vars(consumer)
        await consumer.stop()

    asyncio.run(run())


@pytest.mark.parametrize(
    ("part", "task", "fails"),
    [
        ("_fetcher", "_fetch_task", "_get_actions_per_node"),
        ("_coordinator", "_coordination_task", "_maybe_do_autocommit"),
        ("_client", "_sync_task", "_metadata_update"),
    ],
)
def test_a_client_whose_task_has_ended_has_failed(part: str, task: str, fails: str) -> None:
    """aiokafka tells nobody, and would raise it when it is stopped."""

    async def run() -> None:
        consumer = AIOKafkaConsumer(bootstrap_servers="127.0.0.1:1", group_id="g")
        consumer.assign([TopicPartition("t", 0)])
        client, subscription = consumer._client, consumer._subscription
        consumer._fetcher = fetcher.Fetcher(client, subscription)
        consumer._coordinator = GroupCoordinator(client, subscription, group_id="g")
        client._sync_task = asyncio.create_task(client._md_synchronizer())
        await client.force_metadata_update()
        assert private.crash(consumer) is None
        owner = getattr(consumer, part)
        with patch.object(owner, fails, side_effect=KeyError("of another topic")):
            client.force_metadata_update()
            await asyncio.wait([getattr(owner, task)])
        assert str(private.crash(consumer)) == (
            "KafkaError: the Kafka client has failed with KeyError('of another topic')"
        )
        private.forget_crash(consumer)
        assert private.crash(consumer) is None
        await consumer.stop()

    with (
        patch.object(AIOKafkaClient, "_metadata_update", AsyncMock(return_value=True)),
        patch.object(GroupCoordinator, "ensure_coordinator_known", AsyncMock()),
        patch.object(GroupCoordinator, "_maybe_do_autocommit", AsyncMock(return_value=0.05)),
    ):
        asyncio.run(run())


def test_a_fetch_says_how_long_the_broker_may_hold_it() -> None:
    async def run() -> None:
        consumer = AIOKafkaConsumer(bootstrap_servers="127.0.0.1:1")
        reader = fetcher.Fetcher(consumer._client, consumer._subscription)
        consumer._fetcher = reader
        tp = TopicPartition("t", 0)
        assignment = Assignment([tp])
        assignment.state_value(tp).reset_to(7)
        hold_fetches(consumer, Hold(65_536, 100))
        with patch.object(consumer._client.cluster, "leader_for_partition", return_value=1):
            (((node, request),), *_) = reader._get_actions_per_node(assignment)
        assert (node, request._min_bytes, request._max_wait_ms) == (1, 65_536, 100)
        await reader.close()
        await consumer.stop()

    asyncio.run(run())


@pytest.mark.parametrize(
    ("function", "names"),
    [
        (fetcher.Fetcher.__init__, ("self._records = collections.OrderedDict()",)),
        (
            fetcher.Fetcher.fetched_records,
            ("getall(max_records)", "type(res_or_error) is FetchResult", "-= len(drained[tp])"),
        ),
        (
            GroupCoordinator.__init__,
            ("self.generation =", "self.member_id =", "_pending_exception = None"),
        ),
        (GroupCoordinator._do_commit_offsets, ("assignment, offsets", "self.generation")),
        (GroupCoordinator._start_heartbeat_task, ("self._heartbeat_task is None",)),
        (GroupCoordinator.check_errors, ("_error_consumed_fut.set_result", "raise exc")),
        (Recovery.on_rebalance, ("self._generation_id = generation_id",)),
        (Recovery._set_recovery_started, ("self.in_recovery = True",)),
        (Recovery.need_recovery, ("self.active_remaining()",)),
        (Consumer.seek, ("self._read_offset",)),
        (
            Consumer._drain_messages,
            ("self._read_offset.__getitem__", "r_offset is None or offset >= r_offset"),
        ),
        (AIOKafkaConsumerThread.on_start, ("self._create_consumer", "_consumer.start()")),
        (AIOKafkaConsumerThread._create_consumer, ("_create_worker_consumer",)),
        (AIOKafkaConsumerThread._fetch_records, ("fetched_records",)),
    ],
)
def test_private_names_mean_what_they_did(
    function: Callable[..., Any], names: tuple[str, ...]
) -> None:
    """What has no behaviour to drive without a broker is looked for in the source."""
    source = inspect.getsource(function)
    assert [name for name in names if name not in source] == []


def test_the_generation_whose_changelogs_faust_has_read() -> None:
    """None while another one is beginning."""

    async def run() -> None:
        app = faust.App("app", store="memory://")
        recovery: Any = app.tables
        recovery = recovery.recovery
        recovery._generation_id = 7
        assert private.recovered_generation(app) == 7
        recovery.signal_recovery_start.set()
        assert private.recovered_generation(app) is None

    asyncio.run(run())


def test_how_far_faust_has_read_the_changelogs() -> None:
    """Those that are not read to their end, while it reads them."""

    async def run() -> None:
        app = faust.App("app", store="memory://")
        recovery: Any = app.tables
        recovery = recovery.recovery
        ends = {TP("c", 0): 900, TP("c", 1): 5, TP("c", 2): -1, TP("c", 3): 7}
        recovery.active_highwaters.update(ends)
        recovery.active_offsets.update({TP("c", 0): 4, TP("c", 1): 5, TP("c", 2): -1})
        recovery.active_offsets[TP("c", 3)] = None
        assert private.recovery_left(app) == {}
        recovery.in_recovery = True
        assert private.recovery_left(app) == {TopicPartition("c", 0): (4, 900)}

    asyncio.run(run())


def test_nobody_has_to_wait_for_records_that_are_given_up() -> None:
    """Asyncio complains of exceptions that nobody asks for; also of those of batches that wait."""

    async def run() -> list[Any]:
        complaints: list[Any] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, what: complaints.append(what))
        client = AIOKafkaProducer(bootstrap_servers="127.0.0.1:1")
        app: Any = faust.App("app", store="memory://")
        app.producer._producer = client
        accumulator = client._message_accumulator
        sent = [
            await accumulator.add_message(TopicPartition("t", number), b"k", b"v", timeout=1)
            for number in (0, 0, 1, 2)
        ]
        sent[0].cancel()
        under_way = accumulator._pop_batch(TopicPartition("t", 2))
        private.give_up_sending(app)
        assert [one.cancelled() or repr(one.exception()) for one in sent[:2]] == [
            True,
            "KafkaError('the membership has ended')",
        ]
        await client.stop()
        del sent, client, app, accumulator, under_way
        gc.collect()
        await asyncio.sleep(0)
        return complaints

    assert asyncio.run(run()) == []


def test_records_that_are_given_up_fail_at_once() -> None:
    """A flush waits for them no longer; their senders are told."""

    async def run() -> None:
        client = AIOKafkaProducer(bootstrap_servers="127.0.0.1:1")
        app: Any = faust.App("app", store="memory://")
        private.give_up_sending(app)
        app.producer._producer = client
        accumulator = client._message_accumulator
        tp = TopicPartition("t", 0)
        sent = await accumulator.add_message(tp, b"k", b"v", timeout=1)
        private.give_up_sending(app)
        await asyncio.wait_for(accumulator.flush(), 5)
        with pytest.raises(KafkaError, match="the membership has ended"):
            await sent
        await client.stop()

    asyncio.run(run())
