"""Which end of a flow is the server, as far as the flow itself says so."""

from __future__ import annotations

from enum import StrEnum

import polars as pl

from pipeline.flows import service_ports, tcp, values


class Basis(StrEnum):
    """What a flow alone says about which end is the server, the strongest first.

    ECHO: the type of an ICMP echo. WELL_KNOWN: one of the ports is that of a known service, and
    the other is not. RANGE: one is in the range from which clients take theirs (32768 and above).
    UNDECIDED: the end with the smaller address and port stands as the client.
    """

    SYN = "syn"
    SYN_ACK = "syn_ack"
    ECHO = "echo"
    WELL_KNOWN = "well_known"
    RANGE = "range"
    UNDECIDED = ""


BASES = list(Basis)
FORWARD, BASIS, PORT, CLIENT_PORT, REFUSED, ABORTED, OPEN = (
    f":{name}" for name in ("forward", "basis", "port", "client_port", "refused", "aborted", "open")
)
FIELDS = frozenset({"SrcAddr", "DstAddr", "SrcPort", "DstPort", "Proto", "Flags", "IcmpType"})
"""The fields that `oriented` reads."""

_ICMP, _ECHO_REQUESTS, _ECHO_REPLIES = (1, 58), (8, 128), (0, 129)
"""Protocols, and types of echoes in them (RFC 792, RFC 4443)."""
_SYN, _ACK, _SYN_ACK = (tcp.BITS[name] for name in ("SYN", "ACK", "SYN_ACK"))
_RST, _RST_ACK = tcp.BITS["RST"], tcp.BITS["RST_ACK"]
_RESETS = (_RST, _RST_ACK, _RST | _RST_ACK, _RST | _ACK)
"""The flags of a flow that did nothing but reset."""
_KNOWN = pl.Series(service_ports.known())
_SRC, _DST, _FLAGS, _ECHO, _BY_SERVICE, _BY_RANGE, _ANSWERS, _OPENS = (
    f":{name}"
    for name in ("src", "dst", "flags", "echo", "by_service", "by_range", "answers", "opens")
)


def oriented(flows: pl.DataFrame) -> pl.DataFrame:
    """For each flow which end is the client, and why.

    FORWARD (Boolean): the source is the client. BASIS (UInt8): a position in BASES. PORT and
    CLIENT_PORT (Int32): of the server's end and of the client's, null where there is none. REFUSED
    and ABORTED (Boolean): the server, or the client, did nothing but reset. OPEN (Boolean): its
    flags have SYN and ACK, as those of the other end may; false where they have SYN alone or
    SYN_ACK, which prove it, and null where they have none of these. The others are never null.
    """
    hints = _hints(flows).with_columns(*_tcp())
    decided = hints.select(
        _SRC,
        _DST,
        _FLAGS,
        pl.when(_ANSWERS)
        .then(pl.lit(value=False))
        .when(_OPENS)
        .then(pl.lit(value=True))
        .otherwise(pl.coalesce(_ECHO, _BY_SERVICE, _BY_RANGE))
        .alias(FORWARD),
        _basis().alias(BASIS),
    )
    if decided[FORWARD].null_count():
        decided = decided.with_columns(pl.col(FORWARD).fill_null(_not_after(flows)))
    forward = pl.col(FORWARD)
    return decided.select(
        FORWARD,
        BASIS,
        pl.when(forward).then(_DST).otherwise(_SRC).alias(PORT),
        pl.when(forward).then(_SRC).otherwise(_DST).alias(CLIENT_PORT),
        (~forward & pl.col(_FLAGS).is_in(_RESETS)).alias(REFUSED),
        (forward & pl.col(_FLAGS).is_in(_RESETS)).alias(ABORTED),
        _open().alias(OPEN),
    )


def _hints(flows: pl.DataFrame) -> pl.DataFrame:
    """Ports (_SRC and _DST), _FLAGS, and three opinions (true: the source is the client)."""
    schema = flows.schema
    read = flows.with_columns(
        _port(schema, "SrcPort").alias(_SRC),
        _port(schema, "DstPort").alias(_DST),
        tcp.bits(schema, "Flags").fill_null(0).alias(_FLAGS),
        _echo(schema).alias(_ECHO),
    ).select(_SRC, _DST, _FLAGS, _ECHO)
    known, known_too = (pl.lit(_KNOWN).gather(pl.col(end).fill_null(0)) for end in (_SRC, _DST))
    high = pl.col(_SRC) >= service_ports.EPHEMERAL
    high_too = pl.col(_DST) >= service_ports.EPHEMERAL
    return read.with_columns(
        pl.when(known != known_too).then(known_too).alias(_BY_SERVICE),
        pl.when(high != high_too).then(high).alias(_BY_RANGE),
    )


def _tcp() -> tuple[pl.Expr, pl.Expr]:
    """_OPENS and _ANSWERS: whether the source has opened, or accepted, a connection.

    A flow with SYN and ACK is that of an agent's client, whose packets have one bit each, or the
    reply that another source tells by the bits of the header: there, ports decide.
    """
    flags = pl.col(_FLAGS)
    opens = (flags & _SYN != 0) & (flags & _SYN_ACK == 0)
    from_server = ~pl.coalesce(_BY_SERVICE, _BY_RANGE, pl.lit(value=True))
    answers = (flags & _SYN_ACK != 0) | (opens & (flags & _ACK != 0) & from_server)
    return opens.alias(_OPENS), answers.alias(_ANSWERS)


def _open() -> pl.Expr:
    flags = pl.col(_FLAGS)
    syn, ack, syn_ack = (flags & bit != 0 for bit in (_SYN, _ACK, _SYN_ACK))
    return pl.when(syn | syn_ack).then(ack & ~syn_ack)


def _basis() -> pl.Expr:
    """UInt8: the position of the first basis that holds."""
    cases = {
        Basis.SYN_ACK: pl.col(_ANSWERS),
        Basis.SYN: pl.col(_OPENS),
        Basis.ECHO: pl.col(_ECHO).is_not_null(),
        Basis.WELL_KNOWN: pl.col(_BY_SERVICE).is_not_null(),
        Basis.RANGE: pl.col(_BY_RANGE).is_not_null(),
    }
    found = pl.lit(BASES.index(Basis.UNDECIDED), dtype=pl.UInt8)
    for basis, holds in reversed(cases.items()):
        found = pl.when(holds).then(pl.lit(BASES.index(basis), dtype=pl.UInt8)).otherwise(found)
    return found


def _port(schema: values.Schema, name: str) -> pl.Expr:
    """Int32: a port, null where the protocol has none."""
    port = integer(schema, name)
    usual = port.is_between(1, service_ports.PORTS - 1)
    return pl.when(usual & ~_is_icmp(schema)).then(port)


def _echo(schema: values.Schema) -> pl.Expr:
    """Boolean: whether an echo is a request; null where it is none."""
    if not values.known(schema, "IcmpType"):
        return pl.lit(None, dtype=pl.Boolean)
    kind = integer(schema, "IcmpType")
    request = pl.when(kind.is_in(_ECHO_REQUESTS)).then(pl.lit(value=True))
    return pl.when(_is_icmp(schema)).then(
        request.when(kind.is_in(_ECHO_REPLIES)).then(pl.lit(value=False))
    )


def _is_icmp(schema: values.Schema) -> pl.Expr:
    return integer(schema, "Proto").is_in(_ICMP).fill_null(value=False)


def _not_after(flows: pl.DataFrame) -> pl.Series:
    """Boolean: whether address and port of the source are not greater than the others."""
    schema = flows.schema
    src, dst = (values.text(schema, f"{end}Addr").fill_null("") for end in ("Src", "Dst"))
    port, port_too = (integer(schema, f"{end}Port").fill_null(0) for end in ("Src", "Dst"))
    smaller = (src < dst) | ((src == dst) & (port <= port_too))
    return flows.with_columns(smaller.alias(FORWARD))[FORWARD]


def integer(schema: values.Schema, name: str) -> pl.Expr:
    """Int32: a small number, null where the flow does not have it as one."""
    dtype = schema.get(name)
    if dtype is not None and dtype.is_integer() and values.overflow(name) not in schema:
        return pl.col(name).cast(pl.Int32, strict=False)
    return values.integer(schema, name).cast(pl.Int32, strict=False)
