"""Whether what was seen is enough to rely on: /api/v0/completeness."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import msgspec
import polars as pl
from msgspec import Meta

from matrix.completeness import COMPLETENESS, DAY, Readiness, completeness, unopened
from matrix.coverage import Coverage
from page.query import parameters
from page.source import Seen
from page.times import stamp
from pipeline.api.openapi import Described
from policy.verify.verification import of_namespace

_TIMES = ("first_seen", "last_seen", "last_new")
_TYPES: dict[pl.DataType, Any] = {
    pl.String(): str,
    pl.Int64(): int,
    pl.Float64(): datetime | None,
}
Row: Any = msgspec.defstruct(
    "Completeness", [(name, _TYPES[dtype]) for name, dtype in COMPLETENESS.items()], frozen=True
)
"""A row of COMPLETENESS; times are in RFC 3339."""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked for."""

    namespace: Annotated[str, Meta(description="Only the workloads of this namespace.")] = ""
    days: Annotated[
        int, Meta(ge=1, le=365, description="Days without anything new that make it stable.")
    ] = 3


class CompletenessPage(msgspec.Struct, frozen=True, kw_only=True):
    """/api/v0/completeness: a row for each workload and direction, those that learn first.

    `counts` says how many rows have each readiness. Its end of time is the last flow that was seen.
    """

    first_seen: datetime | None
    last_seen: datetime | None
    beyond: int
    counts: dict[str, int]
    rows: list[Row]
    notes: list[str]


DESCRIBED = Described(
    "Whether each workload has been watched for long enough.",
    CompletenessPage,
    parameters(Asked),
)


def page(seen: Seen, question: Asked) -> CompletenessPage:
    """How complete the edges are at the time of the last flow."""
    edges = seen.edges()
    covered = Coverage.of(edges, seen.beyond, None)
    first, last = covered.first_seen, covered.last_seen
    found = completeness(edges, last or 0.0, question.days * DAY)
    if question.namespace:
        found = found.filter(pl.col("namespace") == question.namespace)
    order = pl.Enum([one.value for one in Readiness])
    found = found.sort(pl.col("readiness").cast(order), maintain_order=True)
    counts = dict(found.group_by("readiness").len().iter_rows())
    return CompletenessPage(
        first_seen=stamp(first),
        last_seen=stamp(last),
        beyond=seen.beyond,
        counts={one.value: counts.get(one.value, 0) for one in Readiness},
        rows=[_row(one) for one in found.iter_rows(named=True)],
        notes=_notes(seen, of_namespace(edges, question.namespace)),
    )


def _notes(seen: Seen, edges: pl.DataFrame) -> list[str]:
    notes = []
    if seen.beyond:
        notes.append(f"{seen.beyond:,} flows are beyond a limit, and in no edge")
    if (edges["sampling"] > 1).any():
        notes.append("the agents sample: connections are missed")
    if older := unopened(edges).height:
        some = "1 edge was" if older == 1 else f"{older:,} edges were"
        notes.append(f"{some} never seen opening: restart the pods of one end to see them open")
    if not seen.whole:
        notes.append("a member of a group sees a part of the edges")
    return notes


def _row(values: dict[str, Any]) -> Any:
    return Row(**{**values, **{name: stamp(values[name]) for name in _TIMES}})
