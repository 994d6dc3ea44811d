"""In which scheduling group a connection is, and the times of the groups."""

from __future__ import annotations

import math

import numpy as np
import polars as pl

from pipeline.flows import gotext, values
from pipeline.stage.duration import seconds
from pipeline.stage.memory import Numbers
from stages.conntrack.fields import Schedule


class Schedules:
    """The groups in order. Times (s) are arrays with a value for each group."""

    def __init__(self, scheduling: list[Schedule]) -> None:
        self._selectors = [group.selector for group in scheduling]
        self.end, self.terminate, self.heartbeat = (
            np.array([seconds(getattr(group, name)) for group in scheduling])
            for name in ("end", "terminate", "heartbeat")
        )
        self.names = [_name(place, group) for place, group in enumerate(scheduling)]
        """What self-metrics call them."""

    def groups(self, keys: pl.DataFrame) -> Numbers:
        """The first group whose selector agrees with the key fields of each connection."""
        chosen = pl.lit(len(self._selectors) - 1)
        for place in range(len(self._selectors) - 2, -1, -1):
            parts = [_agrees(keys.schema, *one) for one in self._selectors[place].items()]
            chosen = pl.when(pl.all_horizontal(parts)).then(place).otherwise(chosen)
        found = keys.with_columns(chosen.alias(values.HIDDEN).cast(pl.Int64))
        return found[values.HIDDEN].to_numpy()


def _agrees(schema: values.Schema, name: str, value: str | float) -> pl.Expr:
    """Whether a field has a value, as a number where it is one, else as text."""
    text = gotext.text(value)
    number = gotext.parse_float(text)
    same = values.string(schema, name).eq_missing(pl.lit(text))
    if number is not None and math.isfinite(number):
        return values.numeric(schema, name).eq_missing(pl.lit(number)) | same
    return same


def _name(place: int, group: Schedule) -> str:
    pairs = sorted(group.selector.items())
    texts = (f"{name}={gotext.nested(value)}, " for name, value in pairs)
    return f"{place}: {''.join(texts) or 'DEFAULT'}"
