"""What a writer publishes to Kafka: keyed records, and where they go."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

import msgspec
import polars as pl

from pipeline.kafka.connection import Connection


class Keyed(NamedTuple):
    """A record with the key that chooses its partition; without one, any partition may get it."""

    key: bytes | None
    value: bytes


Record = str | Keyed
"""A line of text, or a message with its key."""

Records: TypeAlias = "Sequence[Record] | pl.DataFrame"
"""What a writer makes of a batch: a record per flow, or flows as they are, for Parquet files."""


class Publication(msgspec.Struct, frozen=True, kw_only=True):
    """The topic of a writer, how to reach it, and the codec of its batches."""

    connection: Connection
    topic: str
    compression: str = "none"
