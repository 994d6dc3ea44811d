"""From facts to edges."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from matrix import attributes
from matrix.counting import KEY, ORDER, counted
from matrix.edges import EDGES
from matrix.ends import labelled
from matrix.facts import Facts
from matrix.objects import Objects
from matrix.orientation import oriented
from matrix.services import joined
from pipeline.kube.subnets import Label

_FACT = ":fact"


def edges(
    facts: Facts, objects: Objects | None = None, labels: Sequence[Label] = ()
) -> pl.DataFrame:
    """The edges (`edges.EDGES`) of facts, sorted by their ends, protocol and port.

    Without `objects` no port is declared, and Services stay ends of their own. `labels` are the
    present subnet labels, for addresses that were counted before they had one.
    """
    known = objects or Objects.of()
    rows = labelled(facts.edges, labels, "client_", "server_")
    said = labelled(facts.attributes, labels, "client_", "server_")
    numbers = rows.select(KEY).unique().with_row_index(_FACT)
    declared, backends = (
        labelled(frame.with_columns(pl.lit("").alias("label")), labels, "")
        for frame in (known.declared, known.backends)
    )
    turned = oriented(rows.join(numbers, on=KEY, nulls_equal=True), declared)
    values = attributes.listed(
        said.join(numbers, on=KEY, nulls_equal=True).drop(KEY),
        turned.select(_FACT, *KEY).unique(),
        known.services,
    )
    found = counted(turned).join(values, on=KEY, how="left", nulls_equal=True)
    whole = joined(attributes.filled(found), backends)
    return whole.select(pl.col(name).cast(dtype) for name, dtype in EDGES.items()).sort(ORDER)
