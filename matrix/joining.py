"""Service rows joined with the rows of the endpoints behind them: one connection, one row."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from matrix.counting import KEY
from matrix.edges import LISTS, NUMBERS, State
from matrix.ends import key
from matrix.orientation import EVIDENCES
from pipeline.stage.edge_facts import CLIENT, END, SERVER

_STATES = [State.ESTABLISHED, State.DENIED, State.ATTEMPTED, State.UNCERTAIN]
_SERVICE, _MEMBER, _END, _JOINED = ":service", ":member", ":end", ":joined"
_SEEN, _KNOWN = ":seen", ":known"


def joined(edges: pl.DataFrame, backends: pl.DataFrame) -> pl.DataFrame:
    """Edges in which those to Services are part of those to what is behind the Services.

    `edges`: KEY, NUMBERS, lists, `evidence`, `state` and times. `backends`: the schema
    `backends.BACKENDS` and a label. Behind a Service is what the same client was seen with or, if
    nothing was, all that its objects name: then the numbers stand in the first row only, so that
    sums are right. `services` says through which Service an edge goes.
    """
    services = edges.filter(pl.col("server_kind") == "Service").with_row_index(_SERVICE)
    ways = _ways(services, edges, backends)
    if not ways.height:
        return edges
    left = services.join(ways, on=_SERVICE, how="anti").drop(_SERVICE)
    others = edges.filter(pl.col("server_kind") != "Service")
    through = _merged(_through(services, ways), [pl.col(name).sum() for name in NUMBERS])
    own = others.join(through, on=KEY, how="semi", nulls_equal=True)
    both = _merged(pl.concat([own, through]), [pl.col(name).max() for name in NUMBERS])
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
    names = there.select(_END, pl.col("server_label").alias(":name")).unique(_END)
    found = found.join(names, on=_END, how="left").with_columns(
        pl.col(":name").is_not_null().alias(_KNOWN)
    )
    found = _preferred(found, [_SERVICE, _MEMBER], pl.col(_KNOWN), pl.col("usual"))
    seen = there.select(*CLIENT, _END, "protocol", pl.col("port").alias(":port"), "server_label")
    found = found.join(seen, on=[*CLIENT, _END, "protocol", ":port"], how="left")
    found = found.with_columns(pl.col("server_label").is_not_null().alias(_SEEN))
    found = _preferred(found, [_SERVICE], pl.col(_SEEN), pl.lit(value=True))
    label = pl.coalesce("server_label", ":name", ":label").alias("server_label")
    others = [pl.col(f":{n}").alias(f"server_{n}") for n in END if n != "label"]
    ways = found.select(_SERVICE, _SEEN, label, *others, pl.col(":port").alias("port"))
    return ways.unique().sort(_SERVICE, *SERVER, "port")


def _preferred(
    rows: pl.DataFrame, group: list[str], wanted: pl.Expr, instead: pl.Expr
) -> pl.DataFrame:
    """Of each group the rows that are wanted, or without any those to take instead."""
    return rows.filter(pl.when(wanted.any().over(group)).then(wanted).otherwise(instead))


def _through(services: pl.DataFrame, ways: pl.DataFrame) -> pl.DataFrame:
    """The Service rows as rows to the ends behind them."""
    name = pl.format("{}/{}:{}", "server_namespace", "server_workload", "port")
    named = services.with_columns(
        pl.col("services").list.concat(name.cast(pl.List(pl.String))).alias("services")
    )
    number = pl.int_range(pl.len()).over(_SERVICE)
    counts = pl.when(_SEEN).then(pl.len().over(_SERVICE) == 1).otherwise(number == 0)
    rows = ways.with_columns(counts.alias(_JOINED)).join(named.drop(*SERVER, "port"), on=_SERVICE)
    return rows.with_columns(
        pl.when(_JOINED).then(pl.col(name)).otherwise(0).alias(name) for name in NUMBERS
    )


def _merged(rows: pl.DataFrame, numbers: list[pl.Expr]) -> pl.DataFrame:
    """One row for each edge, with the strongest evidence and the most that became of it."""
    ranked = rows.with_columns(
        pl.col("evidence").replace_strict(_names(EVIDENCES), range(len(EVIDENCES))),
        pl.col("state").replace_strict(_names(_STATES), range(len(_STATES))),
    )
    merged = ranked.group_by(KEY, maintain_order=True).agg(
        *numbers,
        pl.col("sampling").max(),
        *(pl.col(name).explode().drop_nulls().unique().sort() for name in LISTS),
        pl.col("evidence", "state", "first_seen").min(),
        pl.col("last_seen").max(),
    )
    return merged.with_columns(
        pl.col("evidence").replace_strict(range(len(EVIDENCES)), _names(EVIDENCES)),
        pl.col("state").replace_strict(range(len(_STATES)), _names(_STATES)),
    ).select(rows.columns)


def _names(values: Iterable[str]) -> list[str]:
    return [str(value) for value in values]
