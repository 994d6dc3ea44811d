"""Network events of a Record: lists of maps with arbitrary keys.

Source: docs/reference/decoding.md#flow.
"""

from __future__ import annotations

import polars as pl

from pipeline.flows.catalogue import EVENT_KEYS


def event_lists(column: pl.Series) -> pl.Series:
    """`List(Struct)` of texts from the wire's `List({events: List({key, value})})`.

    The struct has the known keys first, then the other keys of the batch, sorted; a key that an
    event does not have is null in it. A Record without events is null.
    """
    events = (
        pl.DataFrame({"event": column})
        .with_row_index("flow")
        .filter(pl.col("event").list.len() > 0)
        .explode("event")
        .with_row_index("number")
        .with_columns(pl.col("event").struct.field("events").alias("entry"))
        .explode("entry", empty_as_null=True)
        .select("flow", "number", pl.col("entry").struct.unnest())
    )
    others = set(events["key"].drop_nulls()) - set(EVENT_KEYS)
    keys = [*EVENT_KEYS, *sorted(others)]
    last = [
        pl.col("value").filter(pl.col("key") == key).last().alias(f"value{place}")
        for place, key in enumerate(keys)
    ]
    lists = (
        events.group_by("flow", "number", maintain_order=True)
        .agg(last)
        .select("flow", pl.struct(r"^value\d+$").struct.rename_fields(keys).alias("events"))
        .group_by("flow", maintain_order=True)
        .agg("events")
    )
    flows = pl.DataFrame({"flow": pl.int_range(len(column), dtype=pl.UInt32, eager=True)})
    return flows.join(lists, on="flow", how="left", maintain_order="left")["events"]
