"""Records to Kafka in whole batches; a record is out when every in-sync replica has it."""

from __future__ import annotations

import asyncio
import itertools
import logging
import time
from collections.abc import Iterable
from functools import lru_cache
from types import TracebackType
from typing import Self

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import (
    KafkaConnectionError,
    KafkaError,
    MessageSizeTooLargeError,
    TopicAlreadyExistsError,
    for_code,
)
from aiokafka.partitioner import murmur2

from pipeline.kafka.connection import BrokerError, Connection
from pipeline.kafka.publication import Keyed
from pipeline.kafka.reach import reason

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
        self._compression = None if compression == "none" else compression
        self._patience = patience
        self._turn = itertools.count()
        self._batch_bytes = _BATCH_BYTES
        self._client = self._made()

    def _made(self) -> AIOKafkaProducer:
        return AIOKafkaProducer(
            bootstrap_servers=list(self._connection.brokers),
            enable_idempotence=True,
            compression_type=self._compression,
            max_batch_size=self._batch_bytes,
            request_timeout_ms=_DELIVERY_SECONDS * 1000,
            **self._connection.arguments(),
        )

    async def start(self) -> None:
        """Connect. Raises BrokerError when no broker answers in time, and KafkaError."""
        deadline = time.monotonic() + self._patience
        while True:
            try:
                await self._client.start()
            except KafkaConnectionError as error:
                if time.monotonic() > deadline:
                    await self.stop()
                    raise BrokerError(await reason(self._connection, error)) from error
                log.info("waiting for a broker: %s", error)
                await asyncio.sleep(_RETRY_SECONDS)
            else:
                return

    async def publish(self, topic: str, records: Iterable[Keyed]) -> int:
        """Deliver the records, those of one key in order. Raises BrokerError.

        How many the topic does not take because they are too large.
        """
        refused = 0
        try:
            asked = self._client.partitions_for(topic)
            partitions = len(await asyncio.wait_for(asked, self._patience))
            while left := await self._publish(topic, partitions, records):
                alone = [run.pop(0) for run in left if len(run[0]) == 1]
                refused += len(alone)
                await self._begin_anew(smaller=len(alone) < len(left))
                records = [one for run in left for batch in run for one in batch]
        except TimeoutError as error:
            raise BrokerError(f'there is no topic "{topic}"') from error
        except KafkaError as error:
            raise BrokerError(f'cannot publish to topic "{topic}": {error!r}') from error
        return refused

    async def stop(self) -> None:
        """Close the connections."""
        await self._client.stop()

    async def _publish(
        self, topic: str, partitions: int, records: Iterable[Keyed]
    ) -> list[list[list[Keyed]]]:
        """Of each partition that refused a batch for its size: the records from that one on."""
        runs: dict[int, list[_Batch]] = {}
        now = int(time.time() * 1000)
        for record in records:
            key, value = record
            number = partition(key, partitions) if key else next(self._turn) % partitions
            run = runs.get(number) or runs.setdefault(number, [_Batch(self._client)])
            if run[-1].client.append(timestamp=now, key=key, value=value) is None:
                run.append(_Batch(self._client))
                run[-1].client.append(timestamp=now, key=key, value=value)
            run[-1].records.append(record)
        sending = (self._send(topic, number, run) for number, run in runs.items())
        return [left for left in await asyncio.gather(*sending) if left]

    async def _send(self, topic: str, number: int, run: list[_Batch]) -> list[list[Keyed]]:
        """Send batches one after the other; the records of those from the first too large one on.

        Behind one that is refused, a broker takes nothing more of this client: numbers would be
        missing.
        """
        for place, batch in enumerate(run):
            batch.client.close()
            sent = await self._client.send_batch(batch.client, topic, partition=number)
            try:
                await sent
            except MessageSizeTooLargeError:
                return [batch.records for batch in run[place:]]
        return []

    async def _begin_anew(self, *, smaller: bool) -> None:
        """Go on with another client, and with smaller batches where the topic takes no others."""
        await self.stop()
        if smaller:
            self._batch_bytes = max(1, self._batch_bytes // 2)
        self._client = self._made()
        await self.start()

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


class _Batch:
    """A batch as the client has it, and its records."""

    def __init__(self, client: AIOKafkaProducer) -> None:
        self.client = client.create_batch()
        self.records: list[Keyed] = []


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
