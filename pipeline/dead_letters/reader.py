"""Dead letters read from their topic (`outbox` says what they look like), and sent back.

A worker that dies after a dead letter went out, and before its checkpoint, sends it again; readers
know a message by topic, partition and offset.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import msgspec
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import KafkaError
from kafka.structs import OffsetAndMetadata

from pipeline.kafka.connection import BrokerError, Connection

_POLL_MS = 500
_WAIT_SECONDS = 60
_LARGEST = 17 * 1024 * 1024
_REPLAYED = "-replayed"
_log = logging.getLogger(__name__)


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


class Letters:
    """The letters of a topic, up to its end now. Raises KafkaError."""

    def __init__(self, connection: Connection, topic: str) -> None:
        self._topic = topic
        self._arguments: dict[str, Any] = {
            "bootstrap_servers": list(connection.brokers),
            **connection.arguments(),
        }

    def read(self) -> Iterator[Letter]:
        """Every letter, those that were sent twice once."""
        yield from (letter for letter, _ in self._read(""))

    def replay(self) -> int:
        """Send every message back to the partition it came from; how many there were.

        What was sent back once is not again: a group of its own keeps the position. Neither are
        parts of messages.
        """
        group = self._topic + _REPLAYED
        count = 0
        try:
            producer = KafkaProducer(max_request_size=_LARGEST, **self._arguments)
            done: dict[TopicPartition, int] = {}
            for letter, (tp, offset) in self._read(group):
                done[tp] = offset + 1
                if letter.of == "message":
                    producer.send(letter.topic, letter.payload, partition=letter.partition)
                    count += 1
                elif letter.of == "part":
                    place = f"{letter.topic}[{letter.partition}] offset {letter.offset}"
                    _log.warning("only a part of %s was kept: it is not sent back", place)
            producer.flush(_WAIT_SECONDS)
            producer.close()
            self._commit(group, done)
        except KafkaError as error:
            raise BrokerError(f"the letters of {self._topic} cannot be sent: {error}") from error
        return count

    def _commit(self, group: str, done: dict[TopicPartition, int]) -> None:
        if done:
            consumer = KafkaConsumer(group_id=group, **self._arguments)
            consumer.assign(list(done))
            consumer.commit({tp: OffsetAndMetadata(at, "", -1) for tp, at in done.items()})
            consumer.close()

    def _read(self, group: str) -> Iterator[tuple[Letter, tuple[TopicPartition, int]]]:
        try:
            consumer = KafkaConsumer(
                group_id=group or None,
                enable_auto_commit=False,
                auto_offset_reset="earliest",
                **self._arguments,
            )
            numbers = consumer.partitions_for_topic(self._topic)
            if not numbers:
                raise BrokerError(f'there is no topic "{self._topic}"')
            places = [TopicPartition(self._topic, number) for number in sorted(numbers)]
            consumer.assign(places)
            ends = consumer.end_offsets(places)
            seen: set[tuple[str, int, int]] = set()
            while any(consumer.position(tp) < ends[tp] for tp in places):
                for tp, records in consumer.poll(_POLL_MS).items():
                    for record in records:
                        letter = _letter(record)
                        place = letter.topic, letter.partition, letter.offset
                        if letter.of == "flow" or place not in seen:
                            yield letter, (tp, record.offset)
                        seen.add(place)
            consumer.close()
        except KafkaError as error:
            raise BrokerError(f"the letters of {self._topic} cannot be read: {error}") from error


def _letter(record: Any) -> Letter:
    found = {name: value.decode(errors="replace") for name, value in record.headers}
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
    except (KeyError, ValueError) as error:
        raise BrokerError(f"offset {record.offset} of {record.topic} is no dead letter") from error
