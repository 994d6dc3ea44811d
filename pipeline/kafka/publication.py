"""What a writer publishes to Kafka: keyed records, and where they go."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from pipeline.kafka.connection import Connection


class Keyed(NamedTuple):
    """A record with the key that chooses its partition; without one, any partition may get it."""

    key: bytes | None
    value: bytes


Record = str | Keyed
"""A line of text, or a message with its key."""


class Publication(msgspec.Struct, frozen=True, kw_only=True):
    """The topic of a writer, how to reach it, and the codec of its batches."""

    connection: Connection
    topic: str
    compression: str = "none"
