"""The two ends of an edge as columns."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from pipeline.flows import cidr
from pipeline.kube import subnets
from pipeline.kube.subnets import Label

PARTS = ("kind", "namespace", "workload", "label", "address")
CLIENT = tuple(f"client_{part}" for part in PARTS)
SERVER = tuple(f"server_{part}" for part in PARTS)
FACT = (*CLIENT, *SERVER, "protocol", "port")
"""The columns that tell one edge from another."""

SIDES = {"client": "server", "server": "client"}


def other(column: str) -> str:
    """The column of the other end or of the other direction; others are their own."""
    side, _, part = column.partition("_")
    if side in SIDES:
        return f"{SIDES[side]}_{part}"
    return column


def labelled(rows: pl.DataFrame, labels: Sequence[Label], *sides: str) -> pl.DataFrame:
    """Rows in which an address (or network) of a label gives way to the label."""
    if not labels:
        return rows
    table = cidr.PrefixTable((net, name) for net, name in subnets.listed(labels))
    for side in sides:
        label, address = f"{side}label", f"{side}address"
        texts = rows[address].unique().drop_nulls()
        found = {text: name for text in texts if (name := _label(table, text))}
        if found:
            known = pl.col(address).is_in(list(found))
            name = pl.col(address).replace_strict(found, default=pl.col(label))
            rows = rows.with_columns(name.alias(label), _blank_where(known, address))
    return rows


def _blank_where(condition: pl.Expr, column: str) -> pl.Expr:
    return pl.when(condition).then(pl.lit("")).otherwise(column).alias(column)


def _label(table: cidr.PrefixTable[str], text: str) -> str:
    net = cidr.network(text)
    if net:
        found = table.first_around(net)
    else:
        place = cidr.address(text)
        found = table.first(place) if place else None
    return found[1] if found else ""
