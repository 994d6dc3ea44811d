"""Dead letters read from their topic (`producer` says what they look like), and sent back.

A worker that dies after a dead letter went out, and before its checkpoint, sends it again; readers
know a message by topic, partition and offset.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, NamedTuple, TypeVar

import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.structs import TopicPartition

from pipeline.decode.record_batches import read_within_bounds
from pipeline.diagnostics import printable
from pipeline.kafka.connection import BrokerError, Connection
from pipeline.kafka.reach import reason
from pipeline.kafka.topics import partitions

_POLL_MS = 500
_LARGEST = 17 * 1024 * 1024
_REPLAYED = "-replayed"
_log = logging.getLogger(__name__)
_Client = TypeVar("_Client", AIOKafkaConsumer, AIOKafkaProducer)


class Letter(msgspec.Struct, frozen=True):
    """A dead letter as read from its topic."""

    payload: bytes
    reason: str
    stage: str
    topic: str
    partition: int
    offset: int
    of: str

    def line(self) -> str:
        """It as JSON on one line."""
        row = {name: getattr(self, name) for name in self.__struct_fields__ if name != "payload"}
        try:
            row["payload"] = self.payload.decode()
        except UnicodeDecodeError:
            row["payload_b64"] = self.payload
        return msgspec.json.encode(row).decode()


class _Read(NamedTuple):
    """A letter, and where it stands in the topic of the dead letters."""

    letter: Letter
    tp: TopicPartition
    offset: int


class DlqReader:
    """The letters of a topic, up to its end now. Its methods raise BrokerError."""

    def __init__(self, connection: Connection, topic: str) -> None:
        read_within_bounds()
        self._topic = topic
        self._connection = connection
        self._arguments: dict[str, Any] = {
            "bootstrap_servers": list(connection.brokers),
            **connection.arguments(),
        }

    async def read(self) -> AsyncIterator[Letter]:
        """Every letter; one that was sent twice comes once."""
        try:
            async with _started(self._consumer(None)) as consumer:
                ends = await consumer.end_offsets(await self._assign(consumer))
                async for read in self._letters(consumer, ends):
                    yield read.letter
        except KafkaError as error:
            why = await reason(self._connection, error)
            raise BrokerError(f"the letters of {self._topic} cannot be read: {why}") from error

    async def replay(self) -> int:
        """Send every message back to the partition it came from; how many there were.

        What was sent back once is not sent again, even if its letter came twice: a group of its own
        keeps the position. Parts of messages are not sent back.
        """
        try:
            async with AsyncExitStack() as stack:
                reading = self._consumer(self._topic + _REPLAYED)
                consumer = await stack.enter_async_context(_started(reading))
                sending = AIOKafkaProducer(max_request_size=_LARGEST, **self._arguments)
                producer = await stack.enter_async_context(_started(sending))
                return await self._replay(consumer, producer)
        except KafkaError as error:
            why = await reason(self._connection, error)
            raise BrokerError(f"the letters of {self._topic} cannot be sent: {why}") from error

    async def _replay(self, consumer: AIOKafkaConsumer, producer: AIOKafkaProducer) -> int:
        count = 0
        tps = await self._assign(consumer)
        replayed = {tp: await consumer.committed(tp) or 0 for tp in tps}
        ends = await consumer.end_offsets(tps)
        async for letter, tp, offset in self._letters(consumer, ends):
            if offset < replayed[tp]:
                continue
            if letter.of == "message":
                await producer.send(letter.topic, letter.payload, partition=letter.partition)
                count += 1
            elif letter.of == "part":
                place = f"{letter.topic}[{letter.partition}] offset {letter.offset}"
                _log.warning("only a part of %s was kept: it is not sent back", place)
        await producer.flush()
        await consumer.commit(ends)
        return count

    def _consumer(self, group: str | None) -> AIOKafkaConsumer:
        return AIOKafkaConsumer(
            group_id=group,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_partition_fetch_bytes=_LARGEST,
            **self._arguments,
        )

    async def _assign(self, consumer: AIOKafkaConsumer) -> list[TopicPartition]:
        count = await partitions(self._connection, self._topic)
        tps = [TopicPartition(self._topic, number) for number in range(count)]
        consumer.assign(tps)
        await consumer.seek_to_beginning(*tps)
        return tps

    async def _letters(
        self, consumer: AIOKafkaConsumer, ends: Mapping[TopicPartition, int]
    ) -> AsyncIterator[_Read]:
        """The letters of the assigned partitions from their beginning up to these offsets.

        A record that is not a letter is told, and passed over.
        """
        seen: set[tuple[str, int, int]] = set()
        while left := [tp for tp, end in ends.items() if await consumer.position(tp) < end]:
            for tp, records in (await consumer.getmany(*left, timeout_ms=_POLL_MS)).items():
                for record in records:
                    letter = _letter(record)
                    if letter is None:
                        where = record.offset, printable(record.topic)
                        _log.warning("offset %d of %s is not a dead letter: passed over", *where)
                        continue
                    place = letter.topic, letter.partition, letter.offset
                    if letter.of == "flow" or place not in seen:
                        yield _Read(letter, tp, record.offset)
                    seen.add(place)


@asynccontextmanager
async def _started(client: _Client) -> AsyncIterator[_Client]:
    """A client that is stopped too where it does not start: the library complains of others."""
    try:
        await client.start()
        yield client
    finally:
        await client.stop()


def _letter(record: Any) -> Letter | None:
    """The letter in a record; None where another program has written it."""
    found = {name: (value or b"").decode(errors="replace") for name, value in record.headers}
    try:
        return Letter(
            record.value or b"",
            found["reason"],
            found["stage"],
            found["topic"],
            int(found["partition"]),
            int(found["offset"]),
            found["of"],
        )
    except (KeyError, ValueError):
        return None
