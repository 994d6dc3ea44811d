"""Records to Kafka in whole batches; a record is out when every in-sync replica has it."""

from __future__ import annotations

import asyncio
import itertools
import logging
import time
from collections.abc import Iterable
from functools import lru_cache
from types import TracebackType
from typing import Any, Self

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaConnectionError, KafkaError, TopicAlreadyExistsError, for_code
from aiokafka.partitioner import murmur2

from pipeline.kafka.connection import BrokerError, Connection
from pipeline.kafka.publication import Keyed

_BATCH_BYTES = 512 << 10
"""Of one batch before compression: brokers refuse more than 1 MiB unless told otherwise."""

_DELIVERY_SECONDS = 120
_RETRY_SECONDS = 1.0

log = logging.getLogger(__name__)


class Producer:
    """A connection that publishes. Made and used in one event loop, closed with its context.

    A broker that comes up within `patience` seconds, or comes back within two minutes, loses and
    doubles nothing.
    """

    def __init__(
        self, connection: Connection, compression: str = "none", patience: float = 60.0
    ) -> None:
        self._connection = connection
        self._patience = patience
        self._turn = itertools.count()
        self._client = AIOKafkaProducer(
            bootstrap_servers=list(connection.brokers),
            enable_idempotence=True,
            compression_type=None if compression == "none" else compression,
            max_batch_size=_BATCH_BYTES,
            request_timeout_ms=_DELIVERY_SECONDS * 1000,
            **connection.arguments(),
        )

    async def start(self) -> None:
        """Connect. Raises KafkaError when no broker answers in time."""
        deadline = time.monotonic() + self._patience
        while True:
            try:
                await self._client.start()
            except KafkaConnectionError as error:
                if time.monotonic() > deadline:
                    await self.stop()
                    names = ", ".join(self._connection.brokers)
                    raise BrokerError(f"no broker answers at {names}: {error}") from error
                log.info("waiting for a broker: %s", error)
                await asyncio.sleep(_RETRY_SECONDS)
            else:
                return

    async def publish(self, topic: str, records: Iterable[Keyed]) -> None:
        """Deliver the records, those of one key in order. Raises KafkaError."""
        try:
            asked = self._client.partitions_for(topic)
            partitions = await asyncio.wait_for(asked, self._patience)
            await self._publish(topic, len(partitions), records)
        except TimeoutError as error:
            raise BrokerError(f'there is no topic "{topic}"') from error
        except KafkaError as error:
            raise BrokerError(f'cannot publish to topic "{topic}": {error!r}') from error

    async def stop(self) -> None:
        """Close the connections."""
        await self._client.stop()

    async def _publish(self, topic: str, partitions: int, records: Iterable[Keyed]) -> None:
        now = int(time.time() * 1000)
        batches: dict[int, Any] = {}
        sent = []
        for key, value in records:
            number = partition(key, partitions) if key else next(self._turn) % partitions
            batch = batches.get(number) or batches.setdefault(number, self._client.create_batch())
            if batch.append(timestamp=now, key=key, value=value) is None:
                sent.append(await self._client.send_batch(batch, topic, partition=number))
                batch = batches[number] = self._client.create_batch()
                batch.append(timestamp=now, key=key, value=value)
        for number, batch in batches.items():
            batch.close()
            sent.append(await self._client.send_batch(batch, topic, partition=number))
        await asyncio.gather(*sent)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        await self.stop()


@lru_cache(maxsize=1 << 17)
def partition(key: bytes, partitions: int) -> int:
    """The partition that every client of Kafka chooses for a key."""
    return int(murmur2(key) & 0x7FFFFFFF) % partitions


async def create_topic(connection: Connection, topic: str, partitions: int) -> None:
    """Make a topic, replicated as is usual there, unless it exists. Raises KafkaError."""
    brokers = list(connection.brokers)
    admin = AIOKafkaAdminClient(bootstrap_servers=brokers, **connection.arguments())
    try:
        await admin.start()
        answer = await admin.create_topics([NewTopic(topic, partitions, -1, {})])
        code = answer.topic_errors[0][1]
    except KafkaError as error:
        raise BrokerError(f'cannot make topic "{topic}": {error!r}') from error
    finally:
        await admin.close()
    if code not in (0, TopicAlreadyExistsError.errno):
        raise BrokerError(f'cannot make topic "{topic}": {for_code(code).__name__}')
