"""The key of a conversation, which both directions of it share."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from pipeline.flows import values

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ENDS = ("SrcAddr", "DstAddr")
_SHORTEST = len("1.2.3.4")


def conversations(flows: pl.DataFrame) -> pl.Series:
    """Binary: the key of every flow, its two addresses sorted, so that both directions share it.

    An address has its 16-byte form, as the agents write it; other texts stay as they are. Null
    where a flow lacks one of them.
    """
    texts = [values.text(flows.schema, end).alias(end) for end in _ENDS]
    ends = flows.with_columns(texts).select(_ENDS).head(flows.height)
    packed = pl.DataFrame([_packed(ends[end]).alias(end) for end in _ENDS])
    src, dst = pl.col("SrcAddr"), pl.col("DstAddr")
    keys = pl.when(src <= dst).then(src + dst).otherwise(dst + src)
    return packed.select(keys).to_series()


def _packed(texts: pl.Series) -> pl.Series:
    """Binary: addresses in 16 bytes. Those of IPv4 are cut at their dots, all at once."""
    import pyarrow as pa  # noqa: PLC0415 - slow, and a configuration is checked without it

    column = pl.col("text")
    parts = column.str.split_exact(".", 3)
    octets = [parts.struct.field(f"field_{n}").cast(pl.UInt8, strict=False) for n in range(4)]
    frame = texts.alias("text").to_frame()
    cut = frame.select(octet.alias(str(n)) for n, octet in enumerate(octets))
    numbers = cut.fill_null(0).to_numpy()
    mapped = np.zeros((len(texts), 16), np.uint8)
    mapped[:, 10:12] = 0xFF
    mapped[:, 12:] = numbers
    whole = pa.FixedSizeBinaryArray.from_buffers(
        pa.binary(16), len(texts), [None, pa.py_buffer(mapped)]
    )
    length = pl.lit(pl.Series(_printed(numbers)))
    ipv4 = pl.all_horizontal(pl.lit(octet).is_not_null() for octet in cut) & (
        column.str.len_bytes() == length
    )
    others = values.distinct(
        pl.when(~ipv4.fill_null(value=False)).then(column), _named, pl.Binary()
    )
    both = pl.when(ipv4).then(pl.lit(pl.Series(whole))).otherwise(others)
    return frame.select(both).to_series()


def _printed(octets: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """The length of the addresses that have these octets (n x 4).

    A text with a zero or a sign in front of an octet is longer.
    """
    more: NDArray[np.uint32] = ((octets >= 10).view(np.uint8) + (octets >= 100)).sum(
        axis=1, dtype=np.uint32
    )
    return more + np.uint32(_SHORTEST)


def _named(text: str) -> bytes:
    try:
        packed = ipaddress.ip_address(text).packed
    except ValueError:
        return text.encode()
    return packed if len(packed) == 16 else bytes(10) + b"\xff\xff" + packed
