"""The latest flows: /api/v0/flows, columnar, filtered, with an overview of who talks to whom."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
import polars as pl
from msgspec import Meta

from page.query import parameters, refused
from pipeline.api.openapi import Described
from pipeline.flows import catalogue, values
from pipeline.predicate import query as language

MOST = 5_000
EDGES = 50
_USUAL = (
    *("TimeFlowEndMs", "SrcK8S_Namespace", "SrcK8S_OwnerName", "SrcAddr", "SrcPort"),
    *("DstK8S_Namespace", "DstK8S_OwnerName", "DstAddr", "DstPort", "Proto", "Bytes", "Packets"),
)
_NAMES = ("K8S_OwnerName", "K8S_Name", "SubnetLabel", "Addr")


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """Which of the latest flows."""

    query: Annotated[
        str, Meta(description="Flows that a filter keeps, in the language of `stages/filter.py`.")
    ] = ""
    both: Annotated[
        bool, Meta(description="Also flows that it keeps with their ends the other way round.")
    ] = False
    columns: Annotated[str, Meta(description="Fields, with commas between them.")] = ""
    limit: Annotated[int, Meta(ge=0, le=MOST, description="At most so many flows.")] = 100


class Overview(msgspec.Struct, frozen=True, kw_only=True):
    """A client, the port of a server, and the flows between them, both ways together."""

    client: str
    protocol: int | None
    port: int | None
    server: str
    flows: int
    bytes: int


class FlowsPage(msgspec.Struct, frozen=True, kw_only=True):
    """/api/v0/flows: the newest flows first.

    `held` flows are known, `total` of them are asked for. `fields` are all that they have,
    `columns` those shown; `values` has a list for each of these. `edges` are the busiest of
    `all_edges`.
    """

    held: int
    total: int
    fields: list[str]
    columns: list[str]
    values: list[list[Any]]
    edges: list[Overview]
    all_edges: int


DESCRIBED = Described(
    "The latest flows, as the metrics of the pipeline are made of them.",
    FlowsPage,
    parameters(Asked),
)


def page(flows: pl.DataFrame, asked: Asked) -> FlowsPage:
    """The flows that are asked for. Raises UnansweredError."""
    fields = [name for name in flows.columns if not name.startswith(values.overflow(""))]
    held = flows.select(fields)
    found = _kept(held, asked) if asked.query else held
    wanted = [one.strip() for one in asked.columns.split(",") if one.strip()]
    for name in wanted:
        if fields and name not in fields:
            raise refused(f'columns: no flow has a field "{name}"')
    columns = [one for one in wanted or _USUAL if one in fields]
    shown = found.reverse().head(asked.limit)
    edges = _edges(found)
    return FlowsPage(
        held=held.height,
        total=found.height,
        fields=fields,
        columns=columns,
        values=[shown[name].to_list() for name in columns],
        edges=[Overview(**one) for one in edges.head(EDGES).iter_rows(named=True)],
        all_edges=edges.height,
    )


def _kept(flows: pl.DataFrame, asked: Asked) -> pl.DataFrame:
    problem = next(language.problems(asked.query, ("query",)), None)
    if problem:
        raise refused(f"query: {problem.message}{f'; {problem.hint}' if problem.hint else ''}")
    query = language.parse(asked.query)
    keeps = flows.select(query.expr(flows.schema)).to_series()
    if asked.both:
        turned = flows.rename(_turned(flows.columns))
        keeps |= turned.select(query.expr(turned.schema)).to_series()
    return flows.filter(keeps)


def _turned(names: list[str]) -> dict[str, str]:
    """Each field of one end, and the same of the other."""
    both = [name[3:] for name in names if name.startswith("Src") and f"Dst{name[3:]}" in names]
    turned = {f"Src{name}": f"Dst{name}" for name in both}
    return turned | {there: here for here, there in turned.items()}


def _edges(flows: pl.DataFrame) -> pl.DataFrame:
    """The rows of Overview, the busiest first. The end with the smaller port is the server."""
    ports = ("SrcPort", "DstPort", "Proto", "Bytes")
    full = flows.with_columns(
        pl.lit(None, catalogue.CATALOGUE[name].dtype).alias(name)
        for name in ports
        if name not in flows.columns
    )
    answer = (pl.col("SrcPort") < pl.col("DstPort")).fill_null(value=False)
    here, there = _end(full, "Src"), _end(full, "Dst")
    return (
        full.select(
            pl.when(answer).then(there).otherwise(here).alias("client"),
            pl.col("Proto").alias("protocol"),
            pl.when(answer).then("SrcPort").otherwise("DstPort").alias("port"),
            pl.when(answer).then(here).otherwise(there).alias("server"),
            pl.col("Bytes").fill_null(0).alias("bytes"),
        )
        .group_by("client", "protocol", "port", "server")
        .agg(pl.len().alias("flows"), pl.sum("bytes"))
        .sort(["bytes", "flows", "client", "server", "port"], descending=[True, True, *[False] * 3])
    )


def _end(flows: pl.DataFrame, side: str) -> pl.Expr:
    """What an end is called: namespace/owner, a pod, a subnet label, or its address."""
    there = [name for part in _NAMES if (name := f"{side}{part}") in flows.columns]
    named = pl.coalesce(*[pl.when(pl.col(n) != "").then(pl.col(n)) for n in there], pl.lit("?"))
    space = f"{side}K8S_Namespace"
    if space not in flows.columns:
        return named
    inside = pl.col(space).fill_null("") != ""
    return pl.when(inside).then(pl.concat_str(space, named, separator="/")).otherwise(named)
