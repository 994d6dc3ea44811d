"""What a topic holds, read by a client that is not ours."""

from __future__ import annotations

from typing import Any, NamedTuple

from confluent_kafka import Consumer, TopicPartition


class Message(NamedTuple):
    key: bytes | None
    value: bytes
    partition: int


def read(address: str, topic: str, count: int, *, seconds: float = 20) -> list[Message]:
    """The first messages of all partitions, or fewer when no more come in time."""
    consumer = Consumer({"bootstrap.servers": address, "group.id": "reader"})
    try:
        partitions = consumer.list_topics(topic, timeout=10).topics[topic].partitions
        consumer.assign([TopicPartition(topic, number, 0) for number in partitions])
        found: list[Any] = []
        while len(found) < count and (
            some := consumer.consume(min(count - len(found), 10_000), timeout=seconds)
        ):
            found += some
    finally:
        consumer.close()
    return [
        Message(_bytes(m.key()), _bytes(m.value()) or b"", int(m.partition() or 0)) for m in found
    ]


def _bytes(data: str | bytes | None) -> bytes | None:
    return data.encode() if isinstance(data, str) else data
