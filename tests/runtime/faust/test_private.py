"""The private parts of aiokafka and Faust are there, and do what they are used for."""

from __future__ import annotations

import asyncio
import gc
import inspect
from collections.abc import Callable
from typing import Any
from unittest.mock import AsyncMock, patch

import faust
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.client import AIOKafkaClient
from aiokafka.consumer import fetcher
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.consumer.subscription_state import Assignment
from aiokafka.errors import KafkaError
from faust.tables.recovery import Recovery
from faust.transport.consumer import Consumer
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread
from faust.types import TP

from pipeline.runtime.faust import private
from pipeline.runtime.faust.private import Hold, hold_fetches


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
