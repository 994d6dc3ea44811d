"""Attacks on a worker over Kafka, by producers and by its broker: one real broker, one worker.

All rights that can be missing, one by one, are in tests/kafka/test_rights.py too.
"""

from __future__ import annotations

from collections.abc import Iterator

from tests.attack import (
    kafka_changelog,
    kafka_connections,
    kafka_disk,
    kafka_letters,
    kafka_messages,
    kafka_pace,
    kafka_room,
)
from tests.attack.kafka_worker import attacked
from tests.attack.tally import Size, Tally


def attacks(size: Size) -> Iterator[Tally]:
    """Each kind of attack with its tally."""
    yield from kafka_room.attacks(size)
    with attacked(size.folder) as under:
        yield from kafka_messages.attacks(size, under)
        yield from kafka_letters.attacks(size, under)
        yield from kafka_connections.attacks(size, under)
        yield from kafka_changelog.attacks(size, under)
        yield from kafka_disk.attacks(size, under)
        yield from kafka_pace.attacks(size, under)
        tally = Tally("the worker after all of it")
        if under.megabytes > _MOST_MB:
            tally.fault(f"it took {under.megabytes} MB")
        if code := under.worker.exit():
            tally.fault(f"it ended with {code}: {under.worker.log.read_text()[-2_000:]}")
        tally.add("ended as told")
        yield tally


_MOST_MB = 900
