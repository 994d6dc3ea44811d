"""Groups of flows as the facts of edges: seen from client to server."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import polars as pl

from pipeline.flows import service_ports
from pipeline.flows.orientation import ABORTED, BASES, BASIS, FORWARD, PORT, REFUSED, Basis
from pipeline.stage import FIRST_SEEN, LAST_SEEN, days
from pipeline.stage.edge_facts import (
    ATTRIBUTE,
    ATTRIBUTE_VALUE,
    ATTRIBUTES,
    CLIENT,
    CLIENT_PORT,
    EDGES,
    EVIDENCE,
    PROTOCOLS,
    REPORTER,
    SERVER,
    Attribute,
    Reporter,
)
from stages.edges import grouping as g

_FORWARD, _FLOWS = pl.col(FORWARD), pl.col(g.FLOWS)
_ROW, _RANK = ":row", ":rank"
_PORTS = pl.Series(["", *map(str, range(1, service_ports.PORTS))])
_NUMBERED = pl.Series([*(PROTOCOLS.get(str(n), str(n)) for n in range(256)), ""])
_BASES = pl.Series([basis.value for basis in BASES])
_KEY = tuple(label for label in EDGES.labels if label in ATTRIBUTES.labels)
_SEEN = (FIRST_SEEN, LAST_SEEN)


def keyed(groups: pl.DataFrame) -> pl.DataFrame:
    """What `grouped` gives with the labels that both families share."""
    return groups.with_columns(_key(groups[g.PROTOCOL].dtype))


def edges(groups: pl.DataFrame) -> pl.DataFrame:
    """The delta of EDGES (see `Delta`) from what `keyed` gives."""
    return groups.select(*_KEY, *_circumstances(), *_values(), *_SEEN)


def attributes(groups: pl.DataFrame, wanted: Collection[Attribute]) -> pl.DataFrame:
    """The delta of ATTRIBUTES (see `Delta`) from what `keyed` gives, for what is `wanted`.

    Rows are in the order of the flows, whatever attribute they are of: limits go by that.
    """
    parts = [
        part
        for rank, (one, (sources, column)) in enumerate(_attributes().items())
        if one in wanted and any(groups[name].null_count() < groups.height for name in sources)
        if (part := _said(groups, rank, one, column)).height
    ]
    if not parts:
        labels = dict.fromkeys(ATTRIBUTES.labels, pl.String())
        return pl.DataFrame(
            schema=labels | {"flows": pl.Int64(), **dict.fromkeys(_SEEN, pl.Float64())}
        )
    said = pl.concat(parts).sort(_ROW, _RANK, maintain_order=True) if len(parts) > 1 else parts[0]
    edge = groups.select(*_KEY, _FLOWS.alias("flows"), *_SEEN)
    if not said[_ROW].equals(pl.int_range(edge.height, dtype=pl.UInt32, eager=True)):
        edge = edge[said[_ROW]]
    return edge.hstack(said.select(ATTRIBUTE, ATTRIBUTE_VALUE))


def _said(groups: pl.DataFrame, rank: int, attribute: Attribute, column: pl.Expr) -> pl.DataFrame:
    """The values (String) of an attribute, with the rows they are of."""
    found = groups.select(
        pl.int_range(pl.len(), dtype=pl.UInt32).alias(_ROW),
        pl.lit(rank).alias(_RANK),
        pl.lit(str(attribute)).alias(ATTRIBUTE),
        column.alias(ATTRIBUTE_VALUE),
    ).drop_nulls(ATTRIBUTE_VALUE)
    if attribute is Attribute.POLICY:
        lines = pl.col(ATTRIBUTE_VALUE).str.split("\n")
        found = found.with_columns(lines).explode(ATTRIBUTE_VALUE)
    return found


def _key(protocol_type: pl.DataType) -> list[pl.Expr]:
    """The labels that the families share."""
    text = pl.col(g.PROTOCOL).cast(pl.String).fill_null("").replace(PROTOCOLS)
    number = pl.col(g.PROTOCOL).cast(pl.UInt16, strict=False).fill_null(256)
    protocol = pl.lit(_NUMBERED).gather(number) if protocol_type == pl.UInt8 else text
    ends = zip(CLIENT, SERVER, g.SRC, g.DST, strict=True)
    both = [
        (
            pl.when(FORWARD).then(src).otherwise(dst).alias(client),
            pl.when(FORWARD).then(dst).otherwise(src).alias(server),
        )
        for client, server, src, dst in ends
    ]
    return [
        *(client for client, _ in both),
        *(server for _, server in both),
        protocol.alias("protocol"),
        _looked_up(_PORTS, PORT).alias("port"),
    ]


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
    return [
        _looked_up(_PORTS, g.UNDECIDED_PORT).alias(CLIENT_PORT),
        reporter.alias(REPORTER),
        _looked_up(_BASES, BASIS).alias(EVIDENCE),
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
        "began": pl.col(g.BEGAN),
        "days": days.bits(pl.col(g.DAY)),
    }
    return [value.alias(name) for name, value in found.items()]


def _has_verdict(verdict: str) -> pl.Expr:
    return pl.col(g.VERDICTS).str.contains(f"(?m)^{verdict}").fill_null(value=False)


def _attributes() -> Mapping[Attribute, tuple[Sequence[str], pl.Expr]]:
    """The columns that an attribute comes from, and its value: String, null where there is none.

    POLICY has several lines.
    """
    address, port = pl.col(g.SERVICE), pl.col(g.SERVICE_PORT).cast(pl.String)
    wrapped = pl.when(address.str.contains(":", literal=True)).then(pl.format("[{}]", address))
    zones = g.SRC_ZONE, g.DST_ZONE
    service = pl.concat_str(
        wrapped.otherwise(address), pl.concat_str(pl.lit(":"), port).fill_null("")
    )
    return {
        Attribute.CLIENT_ZONE: (zones, pl.when(FORWARD).then(g.SRC_ZONE).otherwise(g.DST_ZONE)),
        Attribute.SERVER_ZONE: (zones, pl.when(FORWARD).then(g.DST_ZONE).otherwise(g.SRC_ZONE)),
        Attribute.POLICY: ([g.VERDICTS], pl.col(g.VERDICTS)),
        Attribute.DROP_CAUSE: ([g.CAUSE], pl.col(g.CAUSE)),
        Attribute.TLS_VERSION: ([g.TLS], pl.col(g.TLS)),
        Attribute.SERVICE: ([g.SERVICE], service),
        Attribute.DNS_NAME: ([g.NAME], pl.col(g.NAME)),
        Attribute.VERDICT: ([g.VERDICT], pl.when(pl.col(g.VERDICT) != "").then(g.VERDICT)),
    }


def _looked_up(texts: pl.Series, column: str) -> pl.Expr:
    """String: the text of a number, much faster than a conversion; that of 0 for null."""
    return pl.lit(texts).gather(pl.col(column).fill_null(0))
