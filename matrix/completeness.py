"""Whether a matrix has been watched for long enough to be relied on."""

from __future__ import annotations

from enum import StrEnum

import polars as pl

from matrix.edges import State

DAY = 86_400.0


class Readiness(StrEnum):
    """How long nothing new has been seen of a workload and direction."""

    LEARNING = "learning"
    STABILISING = "stabilising"
    STABLE = "stable"


COMPLETENESS = pl.Schema(
    {
        "namespace": pl.String(),
        "kind": pl.String(),
        "workload": pl.String(),
        "direction": pl.String(),
        "readiness": pl.String(),
        "edges": pl.Int64(),
        "uncertain": pl.Int64(),
        "unopened": pl.Int64(),
        "first_seen": pl.Float64(),
        "last_seen": pl.Float64(),
        "last_new": pl.Float64(),
        "days": pl.Int64(),
        "weekdays": pl.Int64(),
        "sampling": pl.Int64(),
    }
)
"""A row for each workload and direction (ingress, egress) with an edge that is no mere attempt.

`unopened`: how many of its edges were never seen opening (see `unopened`). `last_new`: when the
newest edge was first seen (epoch seconds). `days`, `weekdays`: how many dates and days of the week
(UTC) have a flow. `sampling`: the largest of its flows, 0 where it is unknown.
"""

_WHO = ("namespace", "kind", "workload")
_SIDES = {"ingress": "server", "egress": "client"}


def completeness(edges: pl.DataFrame, now: float, period: float = 3 * DAY) -> pl.DataFrame:
    """How complete the edges of each workload are at `now`, the end of what was seen (seconds).

    A workload is stable when nothing new was seen of it for `period` seconds, stabilising after a
    third of it, and else learning. Attempts are nothing new: scans would never let it be stable.
    """
    met = edges.filter(pl.col("state").is_in([State.ESTABLISHED, State.UNCERTAIN]))
    sides = [_side(met, direction, side) for direction, side in _SIDES.items()]
    since = now - pl.col("last_new")
    readiness = (
        pl.when(since >= period)
        .then(pl.lit(Readiness.STABLE))
        .when(since >= period / 3)
        .then(pl.lit(Readiness.STABILISING))
        .otherwise(pl.lit(Readiness.LEARNING))
    )
    found = pl.concat(sides).with_columns(readiness.cast(pl.String).alias("readiness"))
    columns = [pl.col(name).cast(dtype) for name, dtype in COMPLETENESS.items()]
    return found.select(columns).sort(*_WHO, "direction")


def unopened(edges: pl.DataFrame) -> pl.DataFrame:
    """The TCP edges whose connections were never seen opening.

    They are older than what was seen: restart the pods of one end to see them open.
    """
    return edges.filter(_unopened())


def _unopened() -> pl.Expr:
    silent = (pl.col("attempted") == 0) & (pl.col("accepted") == 0)
    some = pl.col("flows") + pl.col("reply_flows") > 0
    going = pl.col("state") == State.ESTABLISHED.value
    return (pl.col("protocol") == "TCP") & going & silent & some


def _side(edges: pl.DataFrame, direction: str, side: str) -> pl.DataFrame:
    days = pl.col("days").explode().drop_nulls().unique()
    inside = edges.filter(pl.col(f"{side}_namespace") != "")
    return (
        inside.group_by(pl.col(f"{side}_{part}").alias(part) for part in _WHO)
        .agg(
            pl.len().alias("edges"),
            (pl.col("state") == State.UNCERTAIN.value).sum().alias("uncertain"),
            _unopened().sum().alias("unopened"),
            pl.col("first_seen").min(),
            pl.col("last_seen").max(),
            pl.col("first_seen").max().alias("last_new"),
            days.len().alias("number"),
            days.str.to_date().dt.weekday().n_unique().alias("weekdays"),
            pl.col("sampling").max(),
        )
        .rename({"number": "days"})
        .with_columns(pl.lit(direction).alias("direction"))
    )
