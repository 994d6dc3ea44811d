"""What a writer publishes to Kafka: keyed records, and where they go."""

from __future__ import annotations

import ipaddress
from typing import NamedTuple

import msgspec
import polars as pl

from pipeline.flows import values
from pipeline.kafka.connection import Connection

_KEY = values.HIDDEN + "key"


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


def conversations(flows: pl.DataFrame) -> pl.Series:
    """Binary: the key of every flow, its two addresses sorted, so that both directions share it.

    An address has its 16-byte form, as the agents write it; what is no address stays text. Null
    where a flow has not got both.
    """
    texts = (values.text(flows.schema, end) for end in ("SrcAddr", "DstAddr"))
    src, dst = (values.distinct(text, _packed, pl.Binary()) for text in texts)
    keys = pl.when(src <= dst).then(src + dst).otherwise(dst + src)
    return flows.with_columns(keys.alias(_KEY))[_KEY].head(flows.height)


def _packed(text: str) -> bytes:
    try:
        packed = ipaddress.ip_address(text).packed
    except ValueError:
        return text.encode()
    return packed if len(packed) == 16 else bytes(10) + b"\xff\xff" + packed
