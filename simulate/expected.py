"""The tables of the reference scenario, from the counts of its truth.

Source: docs/reference/scenario.md#tables.
"""

from __future__ import annotations

from typing import Any

import polars as pl

from simulate.reference import NAMESPACE, S3_LABEL
from simulate.scenario import EPHEMERAL
from simulate.truth import without_label

_EXTERNAL_NAMESPACE = "noo-loki"
_SENDER = ("kind", "workload", "port")
_RECEIVER = ("kind", "port", "workload")
_PEER = ("kind", "namespace", "subnet_label", "workload")
_SOURCE = tuple(f"from_{name}" for name in _PEER)
_TARGET = tuple(f"to_{name}" for name in _PEER)
Rows = dict[str, Any]


def tables(syn: pl.DataFrame) -> dict[str, Rows]:
    """Q1 to Q4 and the external rows before and after labelling, each with its columns.

    Rows that only raw flag bits explain are not among them: see `uncertain`.
    """
    certain = syn.filter(~_from_reply())
    sent = _sides(certain, "src", "dst", "to").filter(pl.col("namespace") == NAMESPACE)
    received = _sides(certain, "dst", "src", "from").filter(pl.col("namespace") == NAMESPACE)
    nodes = pl.col("from_kind") == "Node"
    return {
        "Q1": _rows(sent, (*_SENDER, *_TARGET)),
        "Q2": _rows(received, (*_SOURCE, *_RECEIVER)),
        "Q3": _rows(received.filter(nodes), ("from_subnet_label", *_RECEIVER)),
        "Q4": _rows(received.filter(~nodes), (*_SOURCE, *_RECEIVER)),
        "external_before": _external(without_label(certain, S3_LABEL)),
        "external_after": _external(certain),
    }


def uncertain(syn: pl.DataFrame) -> Rows:
    """What a literal reading of raw flag bits counts: replies, to a client's port."""
    replies = _sides(syn.filter(_from_reply()), "src", "dst", "to")
    return _rows(replies, ("namespace", *_SENDER, *_TARGET))


def _external(syn: pl.DataFrame) -> Rows:
    outside = [pl.col(f"to_{name}") == "" for name in ("kind", "namespace", "workload")]
    sent = _sides(syn, "src", "dst", "to")
    sent = sent.filter(pl.col("namespace") == _EXTERNAL_NAMESPACE, *outside)
    return _rows(sent, (*_SENDER, *_TARGET))


def _from_reply() -> pl.Expr:
    return pl.col("port").cast(pl.Int64) >= EPHEMERAL


def _sides(syn: pl.DataFrame, own: str, peer: str, prefix: str) -> pl.DataFrame:
    """The columns of one end under their plain names, of the other with a prefix."""
    renamed = {f"{own}_{name}": name for name in ("namespace", "workload", "kind")}
    renamed |= {f"{own}_label": "subnet_label", f"{peer}_label": f"{prefix}_subnet_label"}
    renamed |= {f"{peer}_{n}": f"{prefix}_{n}" for n in ("namespace", "workload", "kind")}
    return syn.rename(renamed)


def _rows(frame: pl.DataFrame, columns: tuple[str, ...]) -> Rows:
    found = frame.group_by(columns).agg(count=pl.col("value").sum()).sort(columns)
    return {"columns": found.columns, "rows": [list(row) for row in found.rows()]}
