"""Edges by question: filtered, collapsed, and summed up by namespace."""

from __future__ import annotations

from enum import StrEnum
from functools import reduce

import polars as pl

from matrix.counting import KEY, in_order
from matrix.edges import State
from matrix.merging import added
from pipeline.flows import cidr
from pipeline.flows.prefix_table import PrefixTable

_NODE = "Node"
_SIDES = ("client", "server")


class Only(StrEnum):
    """Which edges to keep."""

    ESTABLISHED = "established"
    ATTEMPTED = "attempted"
    DENIED = "denied"
    UNCERTAIN = "uncertain"
    UNLABELLED = "unlabelled"


class Collapse(StrEnum):
    """Which ends become one."""

    NODES = "nodes"
    WORKLOADS = "workloads"
    NAMESPACES = "namespaces"


def select(
    edges: pl.DataFrame,
    *,
    between: tuple[str, str] | None = None,
    peer: str = "",
    port: int | None = None,
    since: float | None = None,
    until: float | None = None,
    only: Only | None = None,
) -> pl.DataFrame:
    """The edges that fit all conditions.

    `between`: one end fits the first text, and the other end the second one. `peer`: one end fits.
    A text is a namespace ("shop"), a workload ("shop/web"), a node, a label, an address or a CIDR.
    `port`: that of the server, or of a Service before it.
    `since`, `until` (epoch seconds): a flow of the edge may have been in between.
    """
    conditions = []
    if between:
        one, two = between
        conditions.append(
            (_fits("client", one) & _fits("server", two))
            | (_fits("client", two) & _fits("server", one))
        )
    if peer:
        conditions.append(_fits("client", peer) | _fits("server", peer))
    if port is not None:
        before = pl.col("services").list.eval(pl.element().str.ends_with(f":{port}")).list.any()
        conditions.append((pl.col("port") == port) | before.fill_null(value=False))
    if since is not None:
        conditions.append(pl.col("last_seen") >= since)
    if until is not None:
        conditions.append(pl.col("first_seen") <= until)
    if only is Only.UNLABELLED:
        conditions.append(pl.any_horizontal(pl.col(f"{side}_address") != "" for side in _SIDES))
    elif only:
        conditions.append(pl.col("state") == State(only.value).value)
    return edges.filter(conditions) if conditions else edges


def _fits(side: str, text: str) -> pl.Expr:
    end = {part: pl.col(f"{side}_{part}") for part in ("kind", "namespace", "workload", "label")}
    address = pl.col(f"{side}_address")
    net = cidr.network(text)
    if net:
        return address.map_batches(
            lambda texts: _within(texts, PrefixTable([(net, True)])), pl.Boolean()
        )
    namespace, slash, workload = text.partition("/")
    if slash:
        return (end["namespace"] == namespace) & (end["workload"] == workload)
    named = (end["namespace"] == text) | (end["label"] == text)
    node = (end["kind"] == _NODE) & (end["workload"] == text)
    return named | node | (address == cidr.canonical(text))


def _within(texts: pl.Series, table: PrefixTable[bool]) -> pl.Series:
    """Whether addresses and networks are inside a network; every distinct text is read once."""
    distinct = texts.unique()
    inside = table.around(distinct, pl.Boolean()).fill_null(value=False)
    return texts.replace_strict(distinct, inside)


def collapse(edges: pl.DataFrame, what: Collapse) -> pl.DataFrame:
    """Edges with the ends that differ only in their node, workload or namespace made one.

    `nodes`: all nodes are one end, called "(6 nodes)" (one node keeps its name). `workloads`: all
    workloads of a namespace are one end, too, with kind, workload and label "". `namespaces`:
    moreover, all addresses without a label are one end, with nothing but "", and ports are null.
    """
    return in_order(added(called(edges, what)))


def called(edges: pl.DataFrame, what: Collapse) -> pl.DataFrame:
    """Edges (of KEY, and more) with their ends called as `collapse` calls them, each by itself."""
    found = edges
    if what is not Collapse.NODES:
        found = reduce(_without_workloads, _SIDES, found)
    if what is Collapse.NAMESPACES:
        blank = [pl.lit("").alias(f"{side}_address") for side in _SIDES]
        found = found.with_columns(pl.lit(None, dtype=pl.Int32).alias("port"), *blank)
    return reduce(_without_nodes, _SIDES, found)


def _without_workloads(edges: pl.DataFrame, side: str) -> pl.DataFrame:
    inside = pl.col(f"{side}_namespace") != ""
    return edges.with_columns(
        pl.when(inside).then(pl.lit("")).otherwise(f"{side}_{part}").alias(f"{side}_{part}")
        for part in ("kind", "workload", "label")
    )


def _without_nodes(edges: pl.DataFrame, side: str) -> pl.DataFrame:
    """Edges in which the nodes that have the same edge otherwise are called by their number."""
    name = f"{side}_workload"
    node = pl.col(f"{side}_kind") == _NODE
    others = [column for column in KEY if column != name]
    number = pl.col(name).filter(node).n_unique().over(others)
    called = pl.when(node & (number > 1)).then(pl.format("({} nodes)", number))
    return edges.with_columns(called.otherwise(name).alias(name))


def summary(edges: pl.DataFrame) -> pl.DataFrame:
    """Namespace by namespace: client, server (String), edges, flows, bytes and a column a state.

    Numbers are Int64, flows and bytes both ways; a state's column counts edges. An end outside is
    "(LABEL)" or "(unlabelled)", a node "(nodes)". Sorted by client and server.
    """
    states = [(pl.col("state") == state.value).sum().cast(pl.Int64).alias(state) for state in State]
    return (
        edges.with_columns(_group(side).alias(side) for side in _SIDES)
        .group_by(_SIDES)
        .agg(
            pl.len().cast(pl.Int64).alias("edges"),
            (pl.col("flows") + pl.col("reply_flows")).sum(),
            (pl.col("bytes") + pl.col("reply_bytes")).sum(),
            *states,
        )
        .sort(_SIDES)
    )


def _group(side: str) -> pl.Expr:
    namespace, label = pl.col(f"{side}_namespace"), pl.col(f"{side}_label")
    return (
        pl.when(pl.col(f"{side}_kind") == _NODE)
        .then(pl.lit("(nodes)"))
        .when(namespace != "")
        .then(namespace)
        .when(label != "")
        .then(pl.format("({})", label))
        .otherwise(pl.lit("(unlabelled)"))
    )
