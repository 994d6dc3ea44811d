"""From facts to edges."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from matrix import attributes, days
from matrix.counting import EDGE, KEY, counted, in_order, numbered
from matrix.edges import EDGES
from matrix.ends import labelled
from matrix.facts import Facts
from matrix.objects import Objects
from matrix.orientation import oriented
from matrix.services import at_services, joined
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
    rows = numbered(labelled(facts.edges, labels, "client_", "server_"), _FACT)
    declared, backends = (
        labelled(frame.with_columns(pl.lit("").alias("label")), labels, "")
        for frame in (known.declared, known.backends)
    )
    turned = numbered(oriented(rows, declared), EDGE)
    said = labelled(facts.attributes, labels, "client_", "server_").join(
        rows.select(*KEY, _FACT).unique(_FACT), on=KEY, nulls_equal=True
    )
    names = dict(known.services.iter_rows())
    values = attributes.listed(said, turned.select(_FACT, EDGE).unique(), names)
    found = counted(turned)
    for lists in (values, days.listed(turned)):
        found = found.join(lists, on=EDGE, how="left")
    found = attributes.filled(found).drop(EDGE)
    found = joined(at_services(found, known.node_ports, backends), backends)
    return in_order(found.select(pl.col(name).cast(dtype) for name, dtype in EDGES.items()))
