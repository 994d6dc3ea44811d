"""Groups of flows as the facts of edges: seen from client to server."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import polars as pl

from pipeline.flows import cidr
from pipeline.flows.orientation import ABORTED, BASES, BASIS, FORWARD, PORT, REFUSED, Basis
from pipeline.stage import FIRST_SEEN, LAST_SEEN
from pipeline.stage.edge_facts import (
    ATTRIBUTE,
    ATTRIBUTE_VALUE,
    ATTRIBUTES,
    CLIENT,
    CLIENT_PORT,
    EDGES,
    EVIDENCE,
    REPORTER,
    SERVER,
    Attribute,
    Reporter,
)
from stages.edges import grouping as g

_PROTOCOLS = {"1": "ICMP", "6": "TCP", "17": "UDP", "58": "ICMPv6", "132": "SCTP"}
_FORWARD, _FLOWS = pl.col(FORWARD), pl.col(g.FLOWS)
_ROW, _RANK = ":row", ":rank"
_KEY = tuple(label for label in EDGES.labels if label in ATTRIBUTES.labels)
_SEEN = (FIRST_SEEN, LAST_SEEN)


def keyed(groups: pl.DataFrame) -> pl.DataFrame:
    """What `grouped` gives with the labels that both families share."""
    return groups.with_columns(_key())


def edges(groups: pl.DataFrame) -> pl.DataFrame:
    """The delta of EDGES (see `Delta`) from what `keyed` gives."""
    return groups.select(*_KEY, *_circumstances(), *_values(), *_SEEN)


def attributes(groups: pl.DataFrame, wanted: Collection[Attribute]) -> pl.DataFrame:
    """The delta of ATTRIBUTES (see `Delta`) from what `keyed` gives, for what is `wanted`.

    Rows are in the order of the flows, whatever attribute they are of: limits go by that.
    """
    parts = [
        part
        for rank, (one, column) in enumerate(_attributes().items())
        if one in wanted and (part := _said(groups, rank, one, column)).height
    ]
    if not parts:
        labels = dict.fromkeys(ATTRIBUTES.labels, pl.String())
        return pl.DataFrame(
            schema=labels | {"flows": pl.Int64(), **dict.fromkeys(_SEEN, pl.Float64())}
        )
    said = pl.concat(parts).sort(_ROW, _RANK, maintain_order=True) if len(parts) > 1 else parts[0]
    edge = groups.select(*_KEY, _FLOWS.alias("flows"), *_SEEN)[said[_ROW]]
    return edge.hstack(said.select(ATTRIBUTE, ATTRIBUTE_VALUE))


def _said(groups: pl.DataFrame, rank: int, attribute: Attribute, column: pl.Expr) -> pl.DataFrame:
    """The values (String) of an attribute, with the rows they are of."""
    values = groups.select(
        pl.int_range(pl.len(), dtype=pl.UInt32).alias(_ROW),
        pl.lit(rank).alias(_RANK),
        pl.lit(str(attribute)).alias(ATTRIBUTE),
        column.alias(ATTRIBUTE_VALUE),
    ).drop_nulls(ATTRIBUTE_VALUE)
    if attribute is Attribute.POLICY:
        lines = pl.col(ATTRIBUTE_VALUE).str.split("\n")
        values = values.with_columns(lines).explode(ATTRIBUTE_VALUE)
    return values


def _key() -> list[pl.Expr]:
    """The labels that the families share."""
    ends = zip(CLIENT, SERVER, g.SRC, g.DST, strict=True)
    both = [
        (_of_end(src, dst).alias(client), _of_end(dst, src).alias(server))
        for client, server, src, dst in ends
    ]
    return [
        *(client for client, _ in both),
        *(server for _, server in both),
        pl.col(g.PROTOCOL).fill_null("").replace(_PROTOCOLS).alias("protocol"),
        _number(PORT).alias("port"),
    ]


def _of_end(forward: str, backward: str) -> pl.Expr:
    part = pl.when(FORWARD).then(forward).otherwise(backward).fill_null("")
    if forward.endswith("address"):
        return part.map_batches(cidr.canonical_texts, pl.String(), is_elementwise=True)
    return part


def _circumstances() -> list[pl.Expr]:
    """The labels that EDGES has beyond the key."""
    side = pl.col(g.SIDE)
    reporter = (
        pl.when(side == g.AT_BOTH)
        .then(pl.lit(Reporter.BOTH.value))
        .when((side == g.AT_SRC) == _FORWARD)
        .then(pl.lit(Reporter.CLIENT.value))
        .when(side.is_not_null())
        .then(pl.lit(Reporter.SERVER.value))
        .otherwise(pl.lit(Reporter.UNKNOWN.value))
    )
    names = {number: basis.value for number, basis in enumerate(BASES)}
    basis = pl.col(BASIS).replace_strict(names, return_dtype=pl.String)
    return [
        _number(g.UNDECIDED_PORT).alias(CLIENT_PORT),
        reporter.alias(REPORTER),
        basis.alias(EVIDENCE),
    ]


def _values() -> list[pl.Expr]:
    """The facts of EDGES."""
    nothing = pl.lit(0, dtype=pl.Int64)

    def where(condition: pl.Expr, number: pl.Expr = _FLOWS) -> pl.Expr:
        return pl.when(condition).then(number).otherwise(nothing)

    bytes_, packets, drop_bytes, drop_packets = map(pl.col, g.COUNTS)
    basis = pl.col(BASIS)
    found = {
        "flows": where(_FORWARD),
        "bytes": where(_FORWARD, bytes_),
        "packets": where(_FORWARD, packets),
        "reply_flows": where(~_FORWARD),
        "reply_bytes": where(~_FORWARD, bytes_),
        "reply_packets": where(~_FORWARD, packets),
        "syn": where(basis == BASES.index(Basis.SYN)),
        "syn_ack": where(basis == BASES.index(Basis.SYN_ACK)),
        "rst": pl.col(REFUSED),
        "client_rst": pl.col(ABORTED),
        "drop_flows": pl.col(g.DROPS),
        "drop_bytes": drop_bytes,
        "drop_packets": drop_packets,
        "allowed": where(_has_verdict(g.ALLOWED)),
        "denied": where(_has_verdict(g.DENIED)),
        "client_port_min": pl.col(g.CLIENT_PORT_MIN),
        "client_port_max": pl.col(g.CLIENT_PORT_MAX),
        "sampling_max": pl.col(g.SAMPLING),
    }
    return [value.alias(name) for name, value in found.items()]


def _has_verdict(verdict: str) -> pl.Expr:
    return pl.col(g.VERDICTS).str.contains(f"(?m)^{verdict}").fill_null(value=False)


def _attributes() -> Mapping[Attribute, pl.Expr]:
    """String, null where there is none: the value of each attribute, of POLICY several lines."""
    address, port = pl.col(g.SERVICE), pl.col(g.SERVICE_PORT).cast(pl.String)
    wrapped = pl.when(address.str.contains(":", literal=True)).then(pl.format("[{}]", address))
    return {
        Attribute.DAY: pl.col(g.DAY).cast(pl.Date).cast(pl.String),
        Attribute.CLIENT_ZONE: pl.when(FORWARD).then(g.SRC_ZONE).otherwise(g.DST_ZONE),
        Attribute.SERVER_ZONE: pl.when(FORWARD).then(g.DST_ZONE).otherwise(g.SRC_ZONE),
        Attribute.POLICY: pl.col(g.VERDICTS),
        Attribute.DROP_CAUSE: pl.col(g.CAUSE),
        Attribute.TLS_VERSION: pl.col(g.TLS),
        Attribute.SERVICE: pl.concat_str(
            wrapped.otherwise(address), pl.concat_str(pl.lit(":"), port).fill_null("")
        ),
        Attribute.DNS_NAME: pl.col(g.NAME),
    }


def _number(column: str) -> pl.Expr:
    return pl.col(column).cast(pl.String).fill_null("")
