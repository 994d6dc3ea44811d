"""The flow matrix of a namespace as tables: who it talks to, who talks to it, and what is outside.

Rows are those of docs/reference/scenario.md#tables, with the columns of COLUMNS in both directions.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

import polars as pl

from matrix.families import Found, MatrixDirection, NoMatrixError, Series, find
from pipeline.stage import FIRST_SEEN, LAST_SEEN, VALUE

NODE = "Node"
EPHEMERAL = 32_768
"""The first port that clients take: a server there is rare, a reply goes there always."""
COLUMNS = (
    *("kind", "workload", "port"),
    *("peer_kind", "peer_namespace", "peer_workload", "peer_subnet_label"),
    *("count", "first_seen", "last_seen", "evidence"),
)

_TOTALS = (
    pl.col(VALUE).sum().alias("count"),
    pl.col(FIRST_SEEN).min().alias("first_seen"),
    pl.col(LAST_SEEN).max().alias("last_seen"),
    pl.col("syn").all(),
)


class Order(StrEnum):
    """What the rows of a table are sorted by; counters know no bytes."""

    COUNT = "count"
    BYTES = "bytes"
    NAME = "name"
    PORT = "port"
    LAST_SEEN = "last_seen"


class MatrixTable(NamedTuple):
    """A table to render.

    `rows`: the columns of COLUMNS, in this order: names and labels (String), port (Int64, null
    where there is none; String where a metric has names there), count (Float64: flows), first_seen
    and last_seen (Float64, epoch seconds, null: not known), and evidence (String): `SYN` where only
    flows that open a connection are counted, `port` where all are, or `uncertain` where the port is
    one that clients take. Sources that report raw header bits, such as IPFIX, set SYN in replies
    too (docs/reference/flowmetric.md#tcp-flags).
    `metrics`: what it was made from; `notes`: what a reader should know; `namespace` and
    `direction` ("" for all): whose rows it has.
    """

    rows: pl.DataFrame
    metrics: tuple[str, ...]
    notes: tuple[str, ...]
    namespace: str = ""
    direction: str = ""

    @property
    def title(self) -> str:
        """What stands above it."""
        if not self.direction:
            return ""
        opened = self.direction == MatrixDirection.OUTGOING
        return f"Connections {'opened' if opened else 'accepted'} by {self.namespace}"


def connections(
    series: Series,
    namespace: str,
    direction: MatrixDirection,
    *,
    collapse_nodes: bool = False,
    metrics: Sequence[str] = (),
    order: Order = Order.COUNT,
) -> MatrixTable:
    """Connections that workloads of the namespace open (outgoing) or accept (incoming).

    `collapse_nodes` makes one row of rows that differ only in the node; `metrics` names the
    metrics to read. Rows that are equal in what `order` says are sorted by name, nodes last.
    Raises families.NoMatrixError.
    """
    found = find(series, direction, metrics)
    names = list(COLUMNS[:7])
    rows = found.rows.filter(pl.col("namespace") == namespace).group_by(names).agg(_TOTALS)
    if collapse_nodes:
        rows = _collapsed(rows, names)
    return _table(found, rows, order)._replace(namespace=namespace, direction=direction)


def external(
    series: Series,
    namespace: str = "",
    *,
    direction: MatrixDirection = MatrixDirection.OUTGOING,
    metrics: Sequence[str] = (),
) -> MatrixTable:
    """Connections to (or from) addresses without a Kubernetes object.

    Columns: namespace, then those of COLUMNS without the peer's name; a peer_subnet_label that is
    empty has yet to be given. All namespaces unless one is named. Errors as for `connections`.
    """
    found = find(series, direction, metrics)
    rows = found.rows.filter(
        pl.col(f"peer_{part}") == "" for part in ("kind", "namespace", "workload")
    )
    if namespace:
        rows = rows.filter(pl.col("namespace") == namespace)
    names = ["namespace", *COLUMNS[:7]]
    table = _table(found, rows.group_by(names).agg(_TOTALS), Order.NAME)
    return table._replace(rows=table.rows.drop("peer_kind", "peer_namespace", "peer_workload"))


def namespaces(series: Series, metrics: Sequence[str] = ()) -> list[str]:
    """The namespaces that have a row in either matrix, sorted; `metrics` as for `connections`.

    One of the two metrics is enough. Raises families.NoMatrixError when there is neither.
    """
    seen: set[str] = set()
    missing: list[NoMatrixError] = []
    for direction in MatrixDirection:
        try:
            seen.update(find(series, direction, metrics).rows["namespace"].unique().to_list())
        except NoMatrixError as error:
            missing.append(error)
    if len(missing) == len(MatrixDirection):
        raise missing[0]
    return sorted(seen - {""})


def _table(found: Found, rows: pl.DataFrame, order: Order) -> MatrixTable:
    """The rows in order, with their evidence; uncertain ones are told in a note."""
    evidence = (
        pl.when(pl.col("port").cast(pl.Int64, strict=False) >= EPHEMERAL)
        .then(pl.lit("uncertain"))
        .when(pl.col("syn"))
        .then(pl.lit("SYN"))
        .otherwise(pl.lit("port"))
    )
    own = [column for column in rows.columns if column not in (*COLUMNS, "syn")]
    judged = (
        rows.with_columns(_port(rows["port"]), evidence.alias("evidence"))
        .sort(*own, *_keys(order), nulls_last=True)
        .select(*own, *COLUMNS)
    )
    doubtful = (judged["evidence"] == "uncertain").sum()
    note = f"{doubtful} uncertain: the port is a client's, the flow may be a reply"
    return MatrixTable(judged, found.metrics, (*found.notes, note) if doubtful else found.notes)


def _port(ports: pl.Series) -> pl.Series:
    """Ports as numbers, unless one of them is a name."""
    numbers = ports.cast(pl.Int64, strict=False)
    names = ports.filter(numbers.is_null() & (ports != ""))
    return ports if names.len() else numbers


def _keys(order: Order) -> list[pl.Expr]:
    """What to sort by: `order`, and then the names, those of nodes last."""
    names = [pl.col("peer_kind") == NODE, *map(pl.col, COLUMNS[1:3])]
    names += [pl.col(name) for name in ("kind", *COLUMNS[3:7])]
    first = {
        Order.COUNT: [-pl.col("count")],
        Order.BYTES: [-pl.col("count")],
        Order.NAME: [],
        Order.PORT: [pl.col("port")],
        Order.LAST_SEEN: [-pl.col("last_seen")],
    }
    return first[order] + names


def _collapsed(rows: pl.DataFrame, names: list[str]) -> pl.DataFrame:
    """Rows that differ only in the name of a node made one; the name of a single one stays."""
    others = [name for name in names if name != "peer_workload"]
    is_node = pl.col("peer_kind") == NODE
    number = pl.len()
    name = pl.when(number > 1).then(pl.format("({} nodes)", number))
    merged = (
        rows.filter(is_node)
        .group_by(others)
        .agg(
            name.otherwise(pl.col("peer_workload").first()).alias("peer_workload"),
            pl.col("count").sum(),
            pl.col("first_seen").min(),
            pl.col("last_seen").max(),
            pl.col("syn").all(),
        )
    )
    return pl.concat([rows.filter(~is_node), merged.select(rows.columns)])
