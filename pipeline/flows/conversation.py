"""The key of a conversation, which both directions of it share."""

from __future__ import annotations

import ipaddress

import polars as pl

from pipeline.flows import values

_KEY = values.HIDDEN + "key"


def conversations(flows: pl.DataFrame) -> pl.Series:
    """Binary: the key of every flow, its two addresses sorted, so that both directions share it.

    An address has its 16-byte form, as the agents write it; other texts stay as they are. Null
    where a flow lacks one of them.
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
