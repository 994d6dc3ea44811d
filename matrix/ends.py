"""The two ends of an edge as columns."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from pipeline.flows.prefix_table import PrefixTable
from pipeline.kube import subnets
from pipeline.kube.subnets import Label
from pipeline.stage.edge_facts import END


def key(side: str = "") -> pl.Expr:
    """What tells one end from another (String): a label does where there is no object.

    `side`: what its columns begin with, such as "client_".
    """
    name = {part: pl.col(f"{side}{part}") for part in END}
    label = pl.when(name["kind"] == "").then(name["label"]).otherwise(pl.lit(""))
    parts = [name["kind"], name["namespace"], name["workload"], label, name["address"]]
    return pl.concat_str(parts, separator="\n")


def labelled(rows: pl.DataFrame, labels: Sequence[Label], *sides: str) -> pl.DataFrame:
    """Rows in which the address (or network) of a label gives way to the label."""
    texts = pl.concat([rows[f"{side}address"] for side in sides]).unique()
    names = PrefixTable(subnets.listed(labels)).around(texts, pl.String())
    found = {text: name for text, name in zip(texts, names, strict=True) if name}
    for side in sides if found else ():
        label, address = f"{side}label", f"{side}address"
        known = pl.col(address).is_in(list(found))
        rows = rows.with_columns(
            pl.col(address).replace_strict(found, default=pl.col(label)).alias(label),
            pl.when(known).then(pl.lit("")).otherwise(address).alias(address),
        )
    return rows
