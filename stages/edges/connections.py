"""The connections that flows belong to, as texts: what a verdict of policies depends on."""

from __future__ import annotations

import polars as pl

from pipeline.flows import orientation, values
from pipeline.flows.orientation import BASES, BASIS, FORWARD, PORT, Basis
from pipeline.stage import Fields
from pipeline.stage.edge_facts import PROTOCOLS

_OWNER = ("K8S_OwnerType", "K8S_Namespace", "K8S_OwnerName")
_NODE = "Node"
_NUMBER = ":number"
SEPARATOR = "\x1f"

FIELDS: Fields = orientation.FIELDS | {end + name for end in ("Src", "Dst") for name in _OWNER}
"""The fields that `asked` reads."""


def asked(flows: pl.DataFrame) -> pl.Series:
    """String: client, server, protocol and port of each flow, null where no end is the server.

    An end is kind, namespace and workload, and its address where it is a node or outside. The parts
    are separated by SEPARATOR.
    """
    schema = flows.schema
    both = flows.with_columns(*orientation.oriented(flows)).select(
        *(_end(schema, end).alias(end) for end in ("Src", "Dst")),
        _protocol(schema).alias(_NUMBER),
        FORWARD,
        BASIS,
        PORT,
    )
    forward = pl.col(FORWARD)
    whole = pl.concat_str(
        pl.when(forward).then("Src").otherwise("Dst"),
        pl.when(forward).then("Dst").otherwise("Src"),
        _NUMBER,
        pl.col(PORT).cast(pl.String).fill_null(""),
        separator=SEPARATOR,
    )
    decided = pl.col(BASIS) != BASES.index(Basis.UNDECIDED)
    return both.select(pl.when(decided).then(whole)).to_series()


def _end(schema: values.Schema, end: str) -> pl.Expr:
    kind, namespace, workload, address = (
        values.text(schema, end + name).fill_null("") for name in (*_OWNER, "Addr")
    )
    own = pl.when((kind == "") | (kind == _NODE)).then(address).otherwise(pl.lit(""))
    return pl.concat_str(kind, namespace, workload, own, separator=SEPARATOR)


def _protocol(schema: values.Schema) -> pl.Expr:
    return values.text(schema, "Proto").fill_null("").replace(PROTOCOLS)
