"""What a topic holds, read by a client that is not ours."""

from __future__ import annotations

import time
from typing import Any, NamedTuple

from confluent_kafka import Consumer, TopicPartition

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
            ends |= {message.partition() for message in some if message.error()}
            found += (message for message in some if not message.error())
    finally:
        consumer.close()
    return [
        Message(_bytes(m.key()), _bytes(m.value()) or b"", int(m.partition() or 0)) for m in found
    ]


def _bytes(data: str | bytes | None) -> bytes | None:
    return data.encode() if isinstance(data, str) else data
