"""The group of a Faust app, as far as it can be seen without a broker."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer
from faust.types import TP

from pipeline.kafka.batch import TopicPartition
from pipeline.runtime.faust.group import FaustGroup
from tests.runtime.faust.support import app


def test_before_the_client_is_made_there_is_no_error() -> None:
    async def run() -> None:
        starting = app()
        group = FaustGroup(starting, committed=True)
        assert (await group.error(), group.connected, group.name) == (None, False, "g")
        consumer: Any = starting.consumer
        consumer._thread.thread_loop.close()

    asyncio.run(run())


@pytest.mark.parametrize("service", ["app", "recovery"])
def test_a_crash_of_faust_or_of_its_recovery_is_raised(service: str) -> None:
    """A recovery that has crashed would read no changelog any more, and say nothing."""

    async def run() -> None:
        crashing = app()
        tables: Any = crashing.tables
        await (crashing if service == "app" else tables.recovery).crash(ValueError("broken"))
        with pytest.raises(ValueError, match="broken"):
            await FaustGroup(crashing, committed=True).error()

    asyncio.run(run())


@pytest.mark.parametrize("committed", [True, False])
def test_a_partition_that_has_gone_has_no_end(*, committed: bool) -> None:
    """Its last records may be handed over after the rebalance that took it away."""

    async def run() -> None:
        starting = app()
        consumer: Any = starting.consumer
        client = consumer._thread._consumer = AIOKafkaConsumer("t", bootstrap_servers="127.0.0.1:1")
        assert FaustGroup(starting, committed=committed).end(TopicPartition("t", 0)) is None
        assert consumer.highwater(TP("t", 0)) == 0
        await client.stop()
        consumer._thread.thread_loop.close()

    asyncio.run(run())
