"""What identifies an edge in a URL, and the edges that a coarser key stands for.

A key is the JSON list of the columns KEY of an edge, as `key` of static/edges.js writes it.
"""

from __future__ import annotations

from functools import reduce
from operator import and_
from typing import Any

import msgspec
import polars as pl

from matrix.approved import KEY

__all__ = ["KEY", "SIDES", "any_node", "as_approved", "fits", "read"]

SIDES = ("client", "server")
_NODE = "Node"
_Key: Any = msgspec.defstruct(
    "_Key",
    [(name, int | None if name == "port" else str) for name in KEY],
    array_like=True,
    forbid_unknown_fields=True,
)


def any_node(side: str) -> pl.Expr:
    """The workload of an end, "" for every node."""
    name = f"{side}_workload"
    return pl.when(pl.col(f"{side}_kind") == _NODE).then(pl.lit("")).otherwise(name).alias(name)


def as_approved(column: str) -> pl.Expr:
    """A column of KEY as approved files have it: any node is one, a workload has no label."""
    side, _, part = column.partition("_")
    if part == "workload":
        return any_node(side)
    if part == "label":
        named = pl.col(f"{side}_kind") != ""
        return pl.when(named).then(pl.lit("")).otherwise(column).alias(column)
    return pl.col(column)


def read(text: str) -> dict[str, Any]:
    """The columns of a key. Raises ValueError."""
    try:
        return msgspec.structs.asdict(msgspec.json.decode(text, type=_Key))
    except msgspec.MsgspecError as error:
        raise ValueError(f'"{text}" is not the key of an edge: {error}') from error


def fits(key: dict[str, Any]) -> pl.Expr:
    """Which edges a key stands for.

    A node without a name is every node, a namespace without a workload all of its workloads, and an
    end without anything every unlabelled address; without a protocol, it is any port.
    """
    conditions = [_end(key, side) for side in SIDES]
    if key["protocol"]:
        conditions.append(pl.col("protocol") == key["protocol"])
        conditions.append(pl.col("port").eq_missing(pl.lit(key["port"], pl.Int32)))
    return reduce(and_, conditions)


def _end(key: dict[str, Any], side: str) -> pl.Expr:
    kind, namespace, workload, label, address = (
        key[f"{side}_{part}"] for part in ("kind", "namespace", "workload", "label", "address")
    )

    def same(**parts: str) -> pl.Expr:
        return reduce(and_, (pl.col(f"{side}_{part}") == text for part, text in parts.items()))

    if kind == _NODE and not workload:
        return same(kind=_NODE)
    if kind:
        return same(kind=kind, namespace=namespace, workload=workload)
    if namespace:
        return same(namespace=namespace)
    if label or address:
        return same(kind="", namespace="", label=label, address=address)
    return same(kind="", namespace="", label="")
