"""What a poll gave, as Faust is to have it."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any
from unittest.mock import AsyncMock, patch

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.client import ConnectionGroup
from aiokafka.consumer.fetcher import Fetcher
from faust.types import TP

from pipeline.kafka.batch import Batch, TopicPartition
from pipeline.runtime.faust import transport
from pipeline.runtime.faust.fetched import Fetched
from pipeline.runtime.faust.transport import events
from tests.runtime.faust.support import app


def fetched(start: int, *payloads: bytes | None) -> Fetched:
    """Records from an offset on."""
    made = Fetched(start)
    made.add(
        [
            SimpleNamespace(value=payload, offset=offset)
            for offset, payload in enumerate(payloads, start)
        ]
    )
    made.end = start + len(payloads)
    return made


def test_batches_of_few_messages_are_one_event_of_their_topic(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One of many is an event by itself; what is not of a flow topic stays as it is."""
    monkeypatch.setattr(transport, "_FEW", 3)
    made = events(
        {
            TP("t", 0): fetched(5, b"a"),
            TP("t", 1): fetched(7, b"b", b"c", b"d"),
            TP("t", 2): fetched(9, b"e", None),
            TP("u", 0): fetched(0),
            TP("log", 0): ["as it is"],
        }
    )
    assert made.pop(TP("log", 0)) == ["as it is"]
    told = {tp: (one.offset, one.value) for tp, (one,) in made.items()}
    zero, one, two = (TopicPartition("t", number) for number in range(3))
    assert told == {
        TP("t", 0): (5, {zero: Batch([b"a"], 5, 6), two: Batch([b"e", b""], 9, 11)}),
        TP("t", 1): (9, {one: Batch([b"b", b"c", b"d"], 7, 10)}),
        TP("u", 0): (-1, {TopicPartition("u", 0): Batch([], 0, 0)}),
    }
    assert [(one.topic, one.partition) for (one,) in made.values()] == [*made]


def test_a_broker_holds_fetches_for_more_while_messages_come() -> None:
    """After a poll without any, the next message is to come at once."""

    async def run() -> None:
        consumer: Any = app().consumer
        thread = consumer._thread
        client = thread._consumer = AIOKafkaConsumer(bootstrap_servers="127.0.0.1:1")
        reader = client._fetcher = Fetcher(client._client, client._subscription)
        thread._fetches = set()
        consumer.resume_flow()
        asked = []
        for records in ({}, {TP("t", 0): fetched(5, b"a")}, {}):
            with patch.object(reader, "fetched_records", AsyncMock(return_value=records)):
                await thread._fetch_records(client, {TP("t", 0)}, timeout=1.0, max_records=9)
            asked.append((reader._fetch_min_bytes, reader._fetch_max_wait_ms))
        assert asked == [(1, 250), (262_144, 100), (1, 250)]
        await reader.close()
        await client.stop()
        thread.thread_loop.close()

    asyncio.run(run())


def test_no_held_fetch_delays_what_is_asked_of_topics() -> None:
    """A broker answers the requests of a connection in turn: another one is asked."""

    async def run() -> None:
        consumer: Any = app().consumer
        thread = consumer._thread
        client = thread._consumer = AIOKafkaConsumer(bootstrap_servers="127.0.0.1:1")
        answer = SimpleNamespace(API_VERSION=5, topics=[(0, "t", False, [(0, 0, 1, [1], [1], [])])])
        send = AsyncMock(return_value=answer)
        with (
            patch.object(thread, "in_thread", lambda work: work),
            patch.object(client._client, "send", send),
        ):
            found = await consumer.describe(["t"])
        assert found["t"].partitions == 1
        (asked,) = send.await_args_list
        assert asked.kwargs == {"group": ConnectionGroup.COORDINATION}
        await client.stop()
        thread.thread_loop.close()

    asyncio.run(run())
