"""The peers outside the cluster that have no name yet."""

from __future__ import annotations

from typing import NamedTuple

import polars as pl

from discovery import networks
from matrix.edges import State

SERVER, CLIENT = "server", "client"
PEERS = pl.Schema(
    {
        "address": pl.String(),
        "role": pl.String(),
        "namespace": pl.String(),
        "kind": pl.String(),
        "workload": pl.String(),
        "protocol": pl.String(),
        "port": pl.Int32(),
        "state": pl.String(),
        "flows": pl.Int64(),
        "bytes": pl.Int64(),
        "first_seen": pl.Float64(),
        "last_seen": pl.Float64(),
    }
)
"""A row for each edge of a peer. `address` is the peer's address, or a network that stands for it.

`role` is what the peer is, server or client; `namespace`, `kind` and `workload` are of the other
end ("" when that is outside too). `flows` and `bytes` are of both directions.
"""


class Peers(NamedTuple):
    """The peers (PEERS), and what of the edges is not in them.

    `unanswered`: distinct addresses with which no connection was established. `beyond`: flows
    whose address was not kept.
    """

    rows: pl.DataFrame
    unanswered: int
    beyond: int


def unnamed(edges: pl.DataFrame, namespace: str = "", *, unanswered: bool = False) -> Peers:
    """The peers of EDGES that have neither an object nor a subnet label.

    Only those of one namespace, if it is given. Those with which no connection was established
    (attempts, denied ones) are left out unless `unanswered`.
    """
    ends = ((SERVER, "server", "client"), (CLIENT, "client", "server"))
    rows = pl.concat(_of_end(edges, *names) for names in ends)
    if namespace:
        rows = rows.filter(pl.col("namespace") == namespace)
    known = networks.numbered(rows["address"])["text"]
    is_address = pl.col("address").is_in(known.implode())
    beyond = int(rows.filter(~is_address)["flows"].sum())
    rows = rows.filter(is_address)
    answered = pl.col("state").is_in((State.ESTABLISHED, State.UNCERTAIN)).any().over("address")
    silent = rows.filter(~answered)["address"].n_unique()
    return Peers(rows if unanswered else rows.filter(answered), silent, beyond)


def _of_end(edges: pl.DataFrame, role: str, peer: str, other: str) -> pl.DataFrame:
    blank = [pl.col(f"{peer}_{part}") == "" for part in ("kind", "namespace", "workload", "label")]
    outside = edges.filter(*blank, pl.col(f"{peer}_address") != "")
    rows = outside.select(
        pl.col(f"{peer}_address").alias("address"),
        pl.lit(role).alias("role"),
        *(pl.col(f"{other}_{part}").alias(part) for part in ("namespace", "kind", "workload")),
        *("protocol", "port", "state"),
        (pl.col("flows") + pl.col("reply_flows")).alias("flows"),
        (pl.col("bytes") + pl.col("reply_bytes")).alias("bytes"),
        *("first_seen", "last_seen"),
    )
    return rows.match_to_schema(PEERS)
