"""Rows of Services joined with those of the endpoints behind them: one connection, one row.

A Service is reached by its own address, or by a port of any node (nodePort). A pod is also reached
by a port of its node (hostPort), which is as a Service of its own.
"""

from __future__ import annotations

import polars as pl

from matrix.counting import KEY
from matrix.edges import NUMBERS
from matrix.ends import key
from matrix.merging import added, united
from pipeline.stage.edge_facts import CLIENT, END, SERVER

_SERVICE, _MEMBER, _END, _JOINED = ":service", ":member", ":end", ":joined"
_ROW, _SEEN, _KNOWN = ":row", ":seen", ":known"


def at_services(
    edges: pl.DataFrame, node_ports: pl.DataFrame, backends: pl.DataFrame
) -> pl.DataFrame:
    """Edges in which those to a node's port that leads elsewhere are edges to a Service.

    `node_ports`: the schema `backends.NODE_PORTS`. An edge to a node stays where nothing is known
    to be behind the Service.
    """
    service = ["service_namespace", "service", "protocol", "service_port"]
    ports = node_ports.join(backends, on=service, how="semi")
    nodes = edges.filter(pl.col("server_kind") == "Node").with_row_index(_ROW)
    ways = nodes.join(ports, on=["protocol", "port"])
    ways = ways.filter(pl.col("node").is_null() | (pl.col("node") == pl.col("server_workload")))
    led = (
        ways.sort("node", nulls_last=True)
        .unique(_ROW, keep="first")
        .with_columns(
            pl.lit("Service").alias("server_kind"),
            pl.col("service_namespace").alias("server_namespace"),
            pl.col("service").alias("server_workload"),
            pl.lit("").alias("server_label"),
            pl.col("service_port").alias("port"),
        )
    )
    if not led.height:
        return edges
    others = edges.filter(pl.col("server_kind") != "Node")
    rest = nodes.join(led, on=_ROW, how="anti")
    return pl.concat([others, *(rows.select(edges.columns) for rows in (rest, led))])


def joined(edges: pl.DataFrame, backends: pl.DataFrame) -> pl.DataFrame:
    """Edges in which those to Services are part of those to what is behind the Services.

    `edges`: KEY, NUMBERS, lists, `evidence`, `state` and times. `backends`: the schema
    `backends.BACKENDS` and a label. Behind a Service is what the same client was seen with or, if
    nothing was, all that its objects name: then the numbers stand in the first row only, so that
    sums are right. `services` says through which Service an edge goes, or which hostPort ("n1:80").
    """
    services = edges.filter(pl.col("server_kind") == "Service").with_row_index(_SERVICE)
    ways = _ways(services, edges, backends)
    if not ways.height:
        return edges
    left = services.join(ways, on=_SERVICE, how="anti").drop(_SERVICE)
    others = edges.filter(pl.col("server_kind") != "Service")
    through = added(_through(services, ways))
    own = others.join(through, on=KEY, how="semi", nulls_equal=True)
    both = united(pl.concat([own, through]))
    return pl.concat([left, others.join(own, on=KEY, how="anti", nulls_equal=True), both])


def _ways(services: pl.DataFrame, edges: pl.DataFrame, backends: pl.DataFrame) -> pl.DataFrame:
    """For each Service row (_SERVICE) the ends behind it (SERVER, port), and if they were seen."""
    ends = backends.select(
        *("service_namespace", "service", "protocol", "service_port", "usual"),
        pl.col("member").alias(_MEMBER),
        *(pl.col(name).alias(f":{name}") for name in END),
        key().alias(_END),
        pl.col("port").alias(":port"),
    )
    found = services.select(_SERVICE, *CLIENT, *SERVER[1:3], "protocol", "port").join(
        ends,
        left_on=["server_namespace", "server_workload", "protocol", "port"],
        right_on=["service_namespace", "service", "protocol", "service_port"],
    )
    there = edges.select(*CLIENT, *SERVER, key("server_").alias(_END), "protocol", "port")
    names = there.group_by(_END).agg(pl.col("server_label").min().alias(":name"))
    found = found.join(names, on=_END, how="left").with_columns(
        pl.col(":name").is_not_null().alias(_KNOWN)
    )
    found = _preferred(found, [_SERVICE, _MEMBER], pl.col(_KNOWN), pl.col("usual"))
    seen = there.select(*CLIENT, _END, "protocol", pl.col("port").alias(":port"), "server_label")
    found = found.join(seen, on=[*CLIENT, _END, "protocol", ":port"], how="left")
    found = found.with_columns(pl.col("server_label").is_not_null().alias(_SEEN))
    found = _preferred(found, [_SERVICE], pl.col(_SEEN), pl.lit(value=True))
    alike = pl.col(":name").drop_nulls().min().over(_SERVICE)
    label = pl.coalesce(
        "server_label", ":name", pl.when(pl.col(":kind") != "").then(alike), ":label"
    )
    others = [pl.col(f":{n}").alias(f"server_{n}") for n in END if n != "label"]
    ways = found.select(
        _SERVICE, _SEEN, label.alias("server_label"), *others, pl.col(":port").alias("port")
    )
    return ways.unique().sort(_SERVICE, *SERVER, "port")


def _preferred(
    rows: pl.DataFrame, group: list[str], wanted: pl.Expr, instead: pl.Expr
) -> pl.DataFrame:
    """Of each group the rows that are wanted, or without any those to take instead."""
    return rows.filter(pl.when(wanted.any().over(group)).then(wanted).otherwise(instead))


def _through(services: pl.DataFrame, ways: pl.DataFrame) -> pl.DataFrame:
    """The Service rows as rows to the ends behind them."""
    name = pl.format("{}/{}:{}", "server_namespace", "server_workload", "port").str.strip_prefix(
        "/"
    )
    named = services.with_columns(
        pl.col("services").list.concat(pl.concat_list(name)).alias("services")
    )
    number = pl.int_range(pl.len()).over(_SERVICE)
    counts = pl.when(_SEEN).then(pl.len().over(_SERVICE) == 1).otherwise(number == 0)
    rows = ways.with_columns(counts.alias(_JOINED)).join(named.drop(*SERVER, "port"), on=_SERVICE)
    return rows.with_columns(
        pl.when(_JOINED).then(pl.col(name)).otherwise(0).alias(name) for name in NUMBERS
    ).select(services.drop(_SERVICE).columns)
