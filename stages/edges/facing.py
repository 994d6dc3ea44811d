"""Flows as the facts of edges: seen from client to server."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import cache

import polars as pl

from pipeline.flows import cidr, service_ports, values
from pipeline.flows.orientation import (
    ABORTED,
    BASES,
    BASIS,
    CLIENT_PORT,
    FORWARD,
    PORT,
    REFUSED,
    Basis,
)
from pipeline.flows.prepared import prepared
from pipeline.flows.times import SEEN
from pipeline.stage import FIRST_SEEN, LAST_SEEN, Delta, days
from pipeline.stage.edge_facts import (
    ATTRIBUTE,
    ATTRIBUTE_VALUE,
    ATTRIBUTES,
    CLIENT,
    EDGES,
    EVIDENCE,
    PROTOCOLS,
    REPORTER,
    SERVER,
    Attribute,
    Reporter,
)
from pipeline.stage.keys import Keyed, hashed
from stages.edges import reading as r

_ROW, _RANK = ":row", ":rank"
_VALUE = (_RANK, ATTRIBUTE_VALUE)
_SAID = (*_VALUE, ATTRIBUTE)
_EDGE = tuple(label for label in EDGES.labels if label in ATTRIBUTES.labels)
_PLACES = {PORT: 0, r.UNDECIDED_PORT: 16, BASIS: 32, r.SIDE: 36, FORWARD: 40}
"""The lowest bit of each number in the one that stands for all of them."""
_NO_SIDE = 3


def keys(flows: pl.DataFrame) -> pl.DataFrame:
    """The keys (see `Keyed`) of the edges of flows, as `read` gives them."""
    return hashed(flows.select(_key(flows)))


@prepared
def _key(schema: values.Schema) -> list[pl.Expr]:
    """The texts of the ends, the protocol, and the other numbers that labels depend on as one."""
    numbers = (
        pl.col(name).fill_null(_NO_SIDE if name == r.SIDE else 0).cast(pl.Int64) * (1 << place)
        for name, place in _PLACES.items()
    )
    texts = (name for name in (*r.SRC, *r.DST) if name in schema)
    return [*map(pl.col, (*texts, r.PROTOCOL)), pl.sum_horizontal(numbers).alias(PORT)]


def _told(flows: pl.DataFrame) -> pl.DataFrame:
    """What labels are made of."""
    wanted = (*r.SRC, *r.DST, r.PROTOCOL, *_PLACES)
    return flows.select(name for name in wanted if name in flows.columns)


def _outside(flows: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The keys that flows have without their addresses, and these ("" or null: none)."""
    addresses = flows.select(r.SRC[-1], r.DST[-1])
    there = (pl.col(addresses.columns) != "").fill_null(value=False)
    return hashed(flows.with_columns(there).select(_key(flows))), addresses


def edges(flows: pl.DataFrame, keys: pl.DataFrame) -> Delta:
    """The delta of EDGES from what `read` gives, and its `keys`: a row for each flow."""
    facts = flows.select(_values(flows))
    return Delta(EDGES, facts, Keyed(keys, _told(flows).__getitem__, _edge_labels, _outside))


def attributes(
    flows: pl.DataFrame, keys: pl.DataFrame, wanted: Collection[Attribute]
) -> list[Delta]:
    """The delta of ATTRIBUTES likewise, for what is `wanted`: a row for each value of a flow.

    None where flows say nothing.

    Rows are in the order of the flows, whatever attribute they are of: limits go by that.
    """
    parts = [
        part
        for rank, (one, (sources, column)) in enumerate(_attributes().items())
        if one in wanted and set(sources) <= set(flows.columns)
        if (part := _said(flows, rank, one, column)).height
    ]
    if not parts:
        return []
    said = pl.concat(parts)
    if len(parts) > 1:
        said = said.sort(_ROW, _RANK, maintain_order=True)

    ends = _told(flows)

    def told(rows: pl.Series) -> pl.DataFrame:
        chosen = said[rows]
        return ends[chosen[_ROW]].hstack(chosen.select(_SAID))

    one = pl.lit(1, dtype=pl.Int64).alias("flows")
    series = flows[said[_ROW]].select(one, *_beside(flows.columns))
    own = hashed(keys[said[_ROW]].hstack(said.select(_VALUE)))
    return [Delta(ATTRIBUTES, series, Keyed(own, told, _attribute_labels, _attribute_outside))]


def _attribute_labels(told: pl.DataFrame) -> pl.DataFrame:
    return _edge(told).hstack(told.select(ATTRIBUTE, ATTRIBUTE_VALUE))


def _attribute_outside(told: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    keys, addresses = _outside(told)
    return hashed(keys.hstack(told.select(_VALUE))), addresses


def _said(flows: pl.DataFrame, rank: int, attribute: Attribute, column: pl.Expr) -> pl.DataFrame:
    """The values (String) of an attribute, with the rows they are of."""
    found = flows.select(
        pl.int_range(pl.len(), dtype=pl.UInt32).alias(_ROW),
        pl.lit(rank).alias(_RANK),
        pl.lit(str(attribute)).alias(ATTRIBUTE),
        column.alias(ATTRIBUTE_VALUE),
    ).drop_nulls(ATTRIBUTE_VALUE)
    if attribute is Attribute.POLICY:
        lines = pl.col(ATTRIBUTE_VALUE).str.split("\n")
        found = found.with_columns(lines).explode(ATTRIBUTE_VALUE)
    return found


def _beside(schema: Collection[str]) -> list[pl.Expr]:
    """What rows of both families have beside facts."""
    parts = map(pl.col, values.part(schema))
    return [pl.col(SEEN).alias(FIRST_SEEN), pl.col(SEEN).alias(LAST_SEEN), *parts]


def _edge_labels(flows: pl.DataFrame) -> pl.DataFrame:
    return _edge(flows).hstack(flows.select(_circumstances()))


def _edge(flows: pl.DataFrame) -> pl.DataFrame:
    """The labels that the families share (_EDGE)."""
    schema = flows.schema
    ends = {
        name: pl.col(name).fill_null("") if name in schema else pl.lit("")
        for name in (*r.SRC, *r.DST)
    }
    filled = flows.with_columns(expr.alias(name) for name, expr in ends.items())
    addresses = (cidr.canonical_texts(filled[end[-1]]) for end in (r.SRC, r.DST))
    return filled.with_columns(addresses).select(_shared(schema[r.PROTOCOL]))


def _shared(protocol_type: pl.DataType) -> list[pl.Expr]:
    text = pl.col(r.PROTOCOL).cast(pl.String).fill_null("").replace(PROTOCOLS)
    number = pl.col(r.PROTOCOL).cast(pl.UInt16, strict=False).fill_null(256)
    protocol = pl.lit(_protocols()).gather(number) if protocol_type == pl.UInt8 else text
    ends = zip(CLIENT, SERVER, r.SRC, r.DST, strict=True)
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
        _looked_up(_ports(), PORT).alias("port"),
    ]


@cache
def _ports() -> pl.Series:
    """The texts of port numbers, "" of none."""
    return pl.Series(["", *map(str, range(1, service_ports.PORTS))])


@cache
def _protocols() -> pl.Series:
    """The names of protocol numbers, "" of none."""
    return pl.Series([*(PROTOCOLS.get(str(n), str(n)) for n in range(256)), ""])


@cache
def _bases() -> pl.Series:
    return pl.Series([basis.value for basis in BASES])


def _circumstances() -> list[pl.Expr]:
    """The labels that EDGES has beyond the key."""
    side = pl.col(r.SIDE)
    reporter = (
        pl.when(side == r.AT_BOTH)
        .then(pl.lit(Reporter.BOTH.value))
        .when((side == r.AT_SRC) == pl.col(FORWARD))
        .then(pl.lit(Reporter.CLIENT.value))
        .when(side.is_not_null())
        .then(pl.lit(Reporter.SERVER.value))
        .otherwise(pl.lit(Reporter.UNKNOWN.value))
    )
    return [
        _looked_up(_ports(), r.UNDECIDED_PORT).alias("client_port"),
        reporter.alias(REPORTER),
        _looked_up(_bases(), BASIS).alias(EVIDENCE),
    ]


@prepared
def _values(schema: values.Schema) -> list[pl.Expr]:
    """The facts of EDGES, and what rows have beside them."""
    one, nothing = pl.lit(1, dtype=pl.Int64), pl.lit(0, dtype=pl.Int64)

    def where(condition: pl.Expr, number: pl.Expr = one) -> pl.Expr:
        return pl.when(condition).then(number).otherwise(nothing)

    bytes_, packets, drop_bytes, drop_packets = map(pl.col, r.COUNTS)
    forward, basis, client_port = pl.col(FORWARD), pl.col(BASIS), pl.col(CLIENT_PORT).cast(pl.Int64)
    verdicts = r.VERDICTS in schema
    found = {
        "flows": forward.cast(pl.Int64),
        "bytes": where(forward, bytes_),
        "packets": where(forward, packets),
        "reply_flows": (~forward).cast(pl.Int64),
        "reply_bytes": where(~forward, bytes_),
        "reply_packets": where(~forward, packets),
        "syn": (basis == BASES.index(Basis.SYN)).cast(pl.Int64),
        "syn_ack": (basis == BASES.index(Basis.SYN_ACK)).cast(pl.Int64),
        "rst": pl.col(REFUSED),
        "client_rst": pl.col(ABORTED),
        "drop_flows": pl.col(r.DROPS),
        "drop_bytes": drop_bytes,
        "drop_packets": drop_packets,
        "allowed": where(_has_verdict(r.ALLOWED)) if verdicts else nothing,
        "denied": where(_has_verdict(r.DENIED)) if verdicts else nothing,
        "client_port_min": client_port,
        "client_port_max": client_port,
        "sampling_max": pl.col(r.SAMPLING),
        "began": pl.col(r.BEGAN),
        "days": days.bits(days.day(pl.col(SEEN))),
    }
    return [*(value.alias(name) for name, value in found.items()), *_beside(schema)]


def _has_verdict(verdict: str) -> pl.Expr:
    return pl.col(r.VERDICTS).str.contains(f"(?m)^{verdict}").fill_null(value=False)


def _attributes() -> Mapping[Attribute, tuple[Sequence[str], pl.Expr]]:
    """The columns that an attribute comes from, and its value: String, null where there is none.

    POLICY has several lines.
    """
    address, port = pl.col(r.SERVICE), pl.col(r.SERVICE_PORT).cast(pl.String)
    wrapped = pl.when(address.str.contains(":", literal=True)).then(pl.format("[{}]", address))
    zones = r.SRC_ZONE, r.DST_ZONE
    service = pl.concat_str(
        wrapped.otherwise(address), pl.concat_str(pl.lit(":"), port).fill_null("")
    )
    return {
        Attribute.CLIENT_ZONE: (zones, pl.when(FORWARD).then(r.SRC_ZONE).otherwise(r.DST_ZONE)),
        Attribute.SERVER_ZONE: (zones, pl.when(FORWARD).then(r.DST_ZONE).otherwise(r.SRC_ZONE)),
        Attribute.POLICY: ([r.VERDICTS], pl.col(r.VERDICTS)),
        Attribute.DROP_CAUSE: ([r.CAUSE], pl.col(r.CAUSE)),
        Attribute.TLS_VERSION: ([r.TLS], pl.col(r.TLS)),
        Attribute.SERVICE: ([r.SERVICE], service),
        Attribute.DNS_NAME: ([r.NAME], pl.col(r.NAME)),
        Attribute.VERDICT: ([r.VERDICT], pl.when(pl.col(r.VERDICT) != "").then(r.VERDICT)),
    }


def _looked_up(texts: pl.Series, column: str) -> pl.Expr:
    """String: the text of a number, much faster than a conversion; that of 0 for null."""
    return pl.lit(texts).gather(pl.col(column).fill_null(0))
