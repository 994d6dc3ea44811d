"""Whether a matrix has been watched for long enough to be relied on."""

from __future__ import annotations

from enum import StrEnum

import polars as pl


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
        "first_seen": pl.Float64(),
        "last_seen": pl.Float64(),
        "last_new": pl.Float64(),
        "days": pl.Int64(),
        "sampling": pl.Int64(),
        "unopened": pl.Int64(),
    }
)
"""A row for each workload and direction (ingress, egress).

`last_new`: when the newest edge was first seen (epoch seconds). `days`: how many dates (UTC) have
a flow. `sampling`: the largest sampling of its flows, 0 where it is unknown. `unopened`: how many
of its TCP edges were never seen opening: restart its pods to see them open.
"""


def completeness(edges: pl.DataFrame, now: float, period: float = 3 * 86_400.0) -> pl.DataFrame:
    """How complete the edges of each workload are at `now` (epoch seconds).

    A workload is stable when nothing new was seen of it for `period` seconds, stabilising after a
    third of it, and else learning.
    """
    raise NotImplementedError
