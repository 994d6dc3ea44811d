"""The records of connections and of flows, in the order of the original."""

from __future__ import annotations

import numpy as np
import polars as pl

from pipeline.flows import values
from pipeline.flows.gob_hash import Hashes, Mask
from pipeline.stage.memory import KEY, Numbers
from stages.conntrack.aggregates import Aggregates, Values
from stages.conntrack.fields import RecordType
from stages.conntrack.keys import hexadecimal

_HASH, _TYPE, _FIRST = "_HashId", "_RecordType", "_IsFirst"
_ORDER = values.HIDDEN + "order"


def of_flows(flows: pl.DataFrame, hashes: Hashes) -> pl.DataFrame:
    """A flowLog for each flow."""
    return _marked(flows, hashes, RecordType.FLOW)


def of_connections(
    fixed: pl.DataFrame, held: Values, reported: Mask, kind: RecordType, aggregates: Aggregates
) -> pl.DataFrame:
    """A record for each connection; `fixed` has its KEY, which is also its number for draws."""
    names = values.names(fixed)
    own = values.drop(aggregates.frame(held), *names)
    hashes = fixed[KEY].to_numpy()
    first = pl.Series(_FIRST, ~reported.astype(np.bool_))
    records = pl.concat([fixed.rename({KEY: values.NUMBER}), own], how="horizontal")
    records = records.with_columns(first)
    return _marked(records, hashes, kind)


def interleaved(flows: pl.DataFrame, new: pl.DataFrame, first: Numbers) -> pl.DataFrame:
    """The records of flows, and before that of its first flow the one of a new connection."""
    if not new.height:
        return flows
    places = pl.Series(_ORDER, first * 2, dtype=pl.Int64)
    every = pl.Series(_ORDER, np.arange(flows.height) * 2 + 1, dtype=pl.Int64)
    both = [flows.with_columns(every), new.with_columns(places)]
    return values.concat(both).sort(_ORDER).drop(_ORDER)


def _marked(records: pl.DataFrame, hashes: Hashes, kind: RecordType) -> pl.DataFrame:
    written = [hexadecimal(hashes).alias(_HASH), pl.lit(str(kind)).alias(_TYPE)]
    return values.drop(records, _HASH, _TYPE).with_columns(written)


def joined(parts: list[pl.DataFrame], flows: pl.DataFrame) -> pl.DataFrame:
    """The records of all parts; with the numbers that random draws take, where the flows have."""
    filled = [part for part in parts if part.height]
    if not filled:
        return flows.clear()
    whole = values.concat(filled)
    return whole if values.NUMBER in flows.columns else whole.drop(values.NUMBER, strict=False)
