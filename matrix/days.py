"""The dates on which an edge was seen."""

from __future__ import annotations

import polars as pl

from matrix.counting import EDGE
from pipeline.stage import days


def listed(facts: pl.DataFrame) -> pl.DataFrame:
    """EDGE, and `days` (List of String, ascending) of facts that are numbered as EDGE."""
    pairs = facts.select(
        EDGE, pl.col("days").alias("bits"), days.day(pl.col("last_seen")).alias("last")
    )
    pairs = pairs.filter(pl.col("bits") != 0).unique()
    found = pairs.join(days.dates(pairs.drop(EDGE)), on=["bits", "last"])
    once = found.filter(~pl.col(EDGE).is_duplicated()).select(EDGE, pl.col("dates").alias("days"))
    rest = found.filter(pl.col(EDGE).is_duplicated()).explode("dates").group_by(EDGE)
    return pl.concat([once, rest.agg(pl.col("dates").unique().sort().alias("days"))])
