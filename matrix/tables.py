"""The flow matrix of a namespace as tables: who it talks to, who talks to it, and what is outside.

Rows and columns are those of docs/reference/scenario.md#tables, then count,
first_seen, last_seen and evidence: why a row says who connects to whom.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import polars as pl

from matrix.families import Found, MatrixDirection, NoMatrixError, Series, find
from pipeline.stage import FIRST_SEEN, LAST_SEEN, VALUE

NODE = "Node"
EPHEMERAL = 32_768
"""The first port that clients take: a server there is rare, a reply goes there always."""

_TOTALS = (
    pl.col(VALUE).sum().alias("count"),
    pl.col(FIRST_SEEN).min().alias("first_seen"),
    pl.col(LAST_SEEN).max().alias("last_seen"),
)


class MatrixTable(NamedTuple):
    """A table to render.

    `rows`: label columns (String), count (Float64), first_seen and last_seen (Float64, epoch
    seconds), evidence (String): `SYN`, or `uncertain` where the port is one that clients take.
    Sources that report raw header bits, such as IPFIX, set SYN in replies too
    (docs/reference/flowmetric.md#tcp-flags).
    `metrics`: what it was made from; `notes`: what a reader should know.
    """

    rows: pl.DataFrame
    metrics: tuple[str, ...]
    notes: tuple[str, ...]


def outgoing(
    series: Series, namespace: str, *, collapse_nodes: bool = False, metrics: Sequence[str] = ()
) -> MatrixTable:
    """Connections that workloads of the namespace open; rows to nodes come last.

    Columns: kind, workload, port, to_kind, to_namespace, to_subnet_label, to_workload.
    `collapse_nodes` makes one row of rows that differ only in the node; `metrics` names the
    metrics to read. Raises families.NoMatrixError.
    """
    found = find(series, MatrixDirection.OUTGOING, metrics)
    columns = ["kind", "workload", "port", "to_kind", "to_namespace"]
    columns += ["to_subnet_label", "to_workload"]
    rows = _rows(found, namespace, columns, "to", collapse=collapse_nodes)
    return _table(found, rows.sort(pl.col("to_kind") == NODE, *columns))


def incoming(
    series: Series, namespace: str, *, collapse_nodes: bool = False, metrics: Sequence[str] = ()
) -> MatrixTable:
    """Connections that workloads of the namespace accept; nodes stand together by port.

    Columns: from_kind, from_namespace, from_subnet_label, from_workload, kind, port, workload.
    Arguments and errors as for `outgoing`.
    """
    found = find(series, MatrixDirection.INCOMING, metrics)
    columns = ["from_kind", "from_namespace", "from_subnet_label", "from_workload"]
    columns += ["kind", "port", "workload"]
    rows = _rows(found, namespace, columns, "from", collapse=collapse_nodes)
    source = pl.when(pl.col("from_kind") != NODE).then("from_workload").otherwise(pl.lit(""))
    order = [source if column == "from_workload" else pl.col(column) for column in columns]
    return _table(found, rows.sort(*order, "from_workload"))


def external(
    series: Series,
    namespace: str = "",
    *,
    direction: MatrixDirection = MatrixDirection.OUTGOING,
    metrics: Sequence[str] = (),
) -> MatrixTable:
    """Connections to (or from) addresses without a Kubernetes object.

    Columns: namespace, kind, workload, port, to_subnet_label (from_subnet_label); a label that is
    empty has yet to be given.
    All namespaces unless one is named. Errors as for `outgoing`.
    """
    found = find(series, direction, metrics)
    prefix = direction.prefix
    rows = found.rows.filter(
        pl.col(f"{prefix}{part}") == "" for part in ("kind", "namespace", "workload")
    )
    if namespace:
        rows = rows.filter(pl.col("namespace") == namespace)
    columns = ["namespace", "kind", "workload", "port", f"{prefix}subnet_label"]
    return _table(found, rows.group_by(columns).agg(_TOTALS).sort(columns))


def namespaces(series: Series) -> list[str]:
    """The namespaces that have a row in either matrix, sorted.

    One of the two metrics is enough. Raises families.NoMatrixError when there is neither.
    """
    seen: set[str] = set()
    missing: list[NoMatrixError] = []
    for direction in MatrixDirection:
        try:
            seen.update(find(series, direction).rows["namespace"].unique().to_list())
        except NoMatrixError as error:
            missing.append(error)
    if len(missing) == len(MatrixDirection):
        raise missing[0]
    return sorted(seen - {""})


def _table(found: Found, rows: pl.DataFrame) -> MatrixTable:
    """The rows with their evidence; uncertain ones are told in a note."""
    doubtful = pl.col("port").cast(pl.Int64, strict=False) >= EPHEMERAL
    evidence = pl.when(doubtful).then(pl.lit("uncertain")).otherwise(pl.lit("SYN"))
    judged = rows.with_columns(evidence.alias("evidence"))
    number = judged.filter(pl.col("evidence") == "uncertain").height
    note = f"{number} uncertain: the port is a client's, the flow may be a reply"
    return MatrixTable(judged, found.metrics, (*found.notes, note) if number else found.notes)


def _rows(
    found: Found, namespace: str, columns: list[str], prefix: str, *, collapse: bool
) -> pl.DataFrame:
    rows = found.rows.filter(pl.col("namespace") == namespace)
    rows = rows.group_by(columns).agg(_TOTALS)
    return _collapsed(rows, columns, prefix) if collapse else rows


def _collapsed(rows: pl.DataFrame, columns: list[str], prefix: str) -> pl.DataFrame:
    """Rows that differ only in the name of a node made one; the name of a single one stays."""
    workload = f"{prefix}_workload"
    others = [column for column in columns if column != workload]
    is_node = pl.col(f"{prefix}_kind") == NODE
    number = pl.len()
    name = pl.when(number > 1).then(pl.format("({} nodes)", number))
    nodes = rows.filter(is_node).group_by(others)
    merged = nodes.agg(
        name.otherwise(pl.col(workload).first()).alias(workload),
        pl.col("count").sum(),
        pl.col("first_seen").min(),
        pl.col("last_seen").max(),
    )
    return pl.concat([rows.filter(~is_node), merged.select(rows.columns)])
