"""When a flow was seen, by its own word."""

from __future__ import annotations

import polars as pl

from pipeline.flows import values

TIMES = {"TimeFlowEndMs": 1000.0, "TimeReceived": 1.0}
"""Fields that say when a flow was seen, the best first, and how many of their units are a second.

An end of 0 means that the agent does not know it.
"""
SEEN = ":seen"
_LATEST = 253_402_300_800.0
"""The end of the year 9999, in epoch seconds."""


def seen(flows: pl.DataFrame) -> pl.Series:
    """SEEN: when each flow was seen (Float64, epoch seconds); null where it does not say."""
    found = pl.Series(SEEN, [None], dtype=pl.Float64).new_from_index(0, flows.height)
    for name in TIMES:
        sound = _sound(flows.schema, name)
        found = flows.select(pl.coalesce(found, sound).alias(SEEN)).to_series()
        if not found.null_count():
            break
    return found


def moment(schema: values.Schema) -> pl.Expr:
    """SEEN as an expression: Float64, epoch seconds; null where a flow does not say."""
    return pl.coalesce(_sound(schema, name) for name in TIMES).alias(SEEN)


def _sound(schema: values.Schema, name: str) -> pl.Expr:
    """A time in epoch seconds, where it is one."""
    time = values.number(schema, name) / TIMES[name]
    return pl.when((time > 0) & (time < _LATEST)).then(time)
