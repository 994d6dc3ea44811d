"""Where the newest leader of a partition began to write, asked of a real broker."""

from __future__ import annotations

import asyncio

from aiokafka.client import AIOKafkaClient

from pipeline.kafka.batch import TopicPartition
from pipeline.kafka.epochs import Newest, newest
from tests.kafka.support.counting import FLOW
from tests.kafka.support.feeding import produce
from tests.real.broker import Broker


def test_the_only_leader_has_written_all(kafka_broker: Broker) -> None:
    """A topic that is not there is left out; tests/kafka/test_cut.py has a leader after it."""
    kafka_broker.create_topic("epochs", 2)
    produce(kafka_broker.bootstrap, "epochs", [FLOW] * 7, 1)
    wheres = [TopicPartition("epochs", 0), TopicPartition("epochs", 1), TopicPartition("no", 0)]

    async def ask() -> dict[TopicPartition, Newest]:
        client = AIOKafkaClient(bootstrap_servers=kafka_broker.bootstrap)
        try:
            await client.bootstrap()
            return await newest(client, wheres)
        finally:
            await client.close()

    found = asyncio.run(ask())
    assert {where.partition: one.end for where, one in found.items()} == {0: 7, 1: 0}
    assert all(0 <= one.start <= one.end for one in found.values())
