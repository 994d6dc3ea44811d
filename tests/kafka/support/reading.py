"""What a topic holds, read by a client that is not ours."""

from __future__ import annotations

import time
from typing import Any, NamedTuple

from confluent_kafka import OFFSET_END, Consumer, KafkaError, TopicPartition

_SECONDS = 120


class Message(NamedTuple):
    key: bytes | None
    value: bytes
    partition: int


def read(address: str, topic: str, count: int, *, seconds: float = 20) -> list[Message]:
    """The first messages of all partitions, or fewer when no more come so long after their ends."""
    own = {"bootstrap.servers": address, "group.id": "reader", "enable.partition.eof": True}
    consumer = Consumer(own)
    found: list[Any] = []
    ends: set[int | None] = set()
    deadline = time.monotonic() + _SECONDS
    try:
        partitions = consumer.list_topics(topic, timeout=_SECONDS).topics[topic].partitions
        consumer.assign([TopicPartition(topic, number, 0) for number in partitions])
        while len(found) < count and time.monotonic() < deadline:
            some = consumer.consume(min(count - len(found), 10_000), timeout=seconds)
            if not some and len(ends) == len(partitions):
                break
            ends |= {message.partition() for message in some if _is_end(message)}
            found += (message for message in some if not message.error())
    finally:
        consumer.close()
    return [
        Message(_bytes(m.key()), _bytes(m.value()) or b"", int(m.partition() or 0)) for m in found
    ]


def _is_end(message: Any) -> bool:
    """Whether it says that a partition is read to its end, and is not a message of it."""
    error = message.error()
    return error is not None and error.code() == KafkaError._PARTITION_EOF


def no_fetch_waits(address: str, topic: str) -> None:
    """Return when the broker has answered each fetch of partition 0 that waits there now.

    It answers those that find nothing in the order of their ends: this one has come last, and waits
    longer than the 250 ms of a worker. What comes next does not go to a worker frozen before.
    """
    own = {"bootstrap.servers": address, "group.id": "reader", "enable.partition.eof": True}
    consumer = Consumer({**own, "fetch.wait.max.ms": 500})
    try:
        consumer.assign([TopicPartition(topic, 0, OFFSET_END)])
        assert consumer.consume(1, timeout=_SECONDS), f"no answer to a fetch of {topic}"
    finally:
        consumer.close()


def _bytes(data: str | bytes | None) -> bytes | None:
    return data.encode() if isinstance(data, str) else data
