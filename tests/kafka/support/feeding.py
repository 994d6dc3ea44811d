"""Recordings into topics, by a client that is not ours."""

from __future__ import annotations

from collections.abc import Iterable

from confluent_kafka import Producer


def produce(
    address: str, topic: str, payloads: Iterable[bytes], partitions: int, **options: str
) -> int:
    """Deliver the payloads to the partitions in turn; how many there were."""
    settings = {key.replace("_", "."): text for key, text in options.items()}
    defaults = {"bootstrap.servers": address, "linger.ms": 50, "message.max.bytes": 16 << 20}
    producer = Producer({**defaults, "queue.buffering.max.messages": 1_000_000, **settings})
    count = 0
    for count, payload in enumerate(payloads, 1):
        producer.produce(topic, payload, partition=count % partitions)
        if count % 10_000 == 0:
            producer.poll(0)
    assert producer.flush(120) == 0
    return count
