"""Who talks to whom: flows as edges from a client over a port to a server, the busiest first."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
import polars as pl

from pipeline.flows import catalogue

EDGES = 50
"""Edges that a viewer can still tell apart."""
_NUMBERS = ("SrcPort", "DstPort", "Proto", "Bytes")
_NAMES = ("K8S_OwnerName", "K8S_Name", "SubnetLabel", "Addr")
FIELDS = frozenset(
    [*_NUMBERS, *(f"{end}{name}" for end in ("Src", "Dst") for name in ("K8S_Namespace", *_NAMES))]
)
"""The fields of flows that edges are made of."""
_BY = ("client", "protocol", "port", "server")


class Overview(msgspec.Struct, frozen=True, kw_only=True):
    """A client, the port of a server, and the flows between them, both ways together."""

    client: str
    protocol: int | None
    port: int | None
    server: str
    flows: int
    bytes: int


def edges(flows: pl.DataFrame) -> list[Overview]:
    """The edges of flows. The end with the smaller port is the server."""
    full = flows.with_columns(
        pl.lit(None, catalogue.CATALOGUE[name].dtype).alias(name)
        for name in _NUMBERS
        if name not in flows.columns
    )
    answer = (pl.col("SrcPort") < pl.col("DstPort")).fill_null(value=False)
    here, there = _end(full, "Src"), _end(full, "Dst")
    found = (
        full.select(
            pl.when(answer).then(there).otherwise(here).alias("client"),
            pl.col("Proto").alias("protocol"),
            pl.when(answer).then("SrcPort").otherwise("DstPort").alias("port"),
            pl.when(answer).then(here).otherwise(there).alias("server"),
            pl.col("Bytes").fill_null(0).alias("bytes"),
        )
        .group_by(_BY)
        .agg(pl.len().alias("flows"), pl.sum("bytes"))
    )
    return _sorted(Overview(**one) for one in found.iter_rows(named=True))


def merged(parts: Iterable[Iterable[Overview]]) -> list[Overview]:
    """The edges of several workers as one would have seen them."""
    found: dict[tuple[object, ...], Overview] = {}
    for one in (one for part in parts for one in part):
        key = one.client, one.protocol, one.port, one.server
        before = found.get(key)
        found[key] = one if before is None else _both(before, one)
    return _sorted(found.values())


def _both(one: Overview, other: Overview) -> Overview:
    return msgspec.structs.replace(
        one, flows=one.flows + other.flows, bytes=one.bytes + other.bytes
    )


def _sorted(found: Iterable[Overview]) -> list[Overview]:
    def place(one: Overview) -> tuple[object, ...]:
        port = -1 if one.port is None else one.port
        protocol = -1 if one.protocol is None else one.protocol
        return -one.bytes, -one.flows, one.client, one.server, port, protocol

    return sorted(found, key=place)


def _end(flows: pl.DataFrame, side: str) -> pl.Expr:
    """What an end is called: namespace/owner, a pod, a subnet label, or its address."""
    there = [name for part in _NAMES if (name := f"{side}{part}") in flows.columns]
    named = pl.coalesce(*[pl.when(pl.col(n) != "").then(pl.col(n)) for n in there], pl.lit("?"))
    space = f"{side}K8S_Namespace"
    if space not in flows.columns:
        return named
    inside = pl.col(space).fill_null("") != ""
    return pl.when(inside).then(pl.concat_str(space, named, separator="/")).otherwise(named)
