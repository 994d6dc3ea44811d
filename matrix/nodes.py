"""Edges with a node as an end: who on the node it may be.

All pods on the network of a node, and its kubelet, have the node's addresses.
"""

from __future__ import annotations

import polars as pl

from matrix.backends import End
from matrix.counting import KEY
from matrix.objects import Objects

_PLACE = [f"server_{part}" for part in End._fields]


def on_nodes(edges: pl.DataFrame, objects: Objects) -> pl.DataFrame:
    """The edges with a node as an end: KEY, `probe` (Boolean) and `guests` (List of String).

    `probe`: a node asks a port by which kubelets probe the server; other pods on the network of
    the node may do so, too. Without it, a client on the node is such a pod. `guests`: the pods
    ("namespace/workload") that declare the port on the network of the server's node.
    """
    node = pl.any_horizontal(pl.col(f"{side}_kind") == "Node" for side in ("client", "server"))
    probed = objects.probed.rename(_server()).with_columns(pl.lit(value=True).alias("asked"))
    guests = objects.guests.rename(_server()).group_by(*_PLACE, "protocol", "port").agg("guest")
    found = edges.filter(node).select(KEY)
    for table in (probed.unique(), guests):
        found = found.join(table, on=[*_PLACE, "protocol", "port"], how="left")
    asks = (pl.col("client_kind") == "Node") & pl.col("asked").fill_null(value=False)
    names = pl.col("guest").list.sort().fill_null(pl.lit([], dtype=pl.List(pl.String)))
    return found.select(*KEY, asks.alias("probe"), names.alias("guests"))


def _server() -> dict[str, str]:
    return {part: f"server_{part}" for part in End._fields}
