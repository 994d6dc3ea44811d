"""Which end of a flow is the server, as far as the flow itself says so."""

from __future__ import annotations

from enum import StrEnum
from functools import cache
from itertools import product
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import polars as pl

from pipeline.flows import service_ports, tcp, values
from pipeline.flows.prepared import prepared

if TYPE_CHECKING:
    from numpy.typing import NDArray


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
FIELDS = frozenset(
    {"SrcAddr", "DstAddr", "SrcPort", "DstPort", "Proto", "Flags", tcp.EVIDENCE, "IcmpType"}
)
"""The fields that `oriented` reads."""

_TCP = 6
_ICMPS, _ECHO_REQUESTS, _ECHO_REPLIES = (1, 58), (8, 128), (0, 129)
"""Protocols, and types of echoes in them (RFC 792, RFC 4443)."""
_SYN, _ACK, _SYN_ACK = (tcp.BITS[name] for name in ("SYN", "ACK", "SYN_ACK"))
_RST, _RST_ACK = tcp.BITS["RST"], tcp.BITS["RST_ACK"]
_RESETS = (_RST, _RST_ACK, _RST | _RST_ACK, _RST | _ACK)
"""The flags of a flow that did nothing but reset."""
_SRC, _DST, _FLAGS, _ECHO, _ICMP, _OPEN = (
    f":{name}" for name in ("src", "dst", "flags", "echo", "icmp", "may")
)
_NOT_KNOWN = 2
"""Beside 0 and 1: what is not known to be false or true."""


def oriented(flows: pl.DataFrame) -> pl.DataFrame:
    """For each flow which end is the client, and why.

    FORWARD (Boolean): the source is the client. BASIS (UInt8): a position in BASES. PORT and
    CLIENT_PORT (Int32): of the server's end and of the client's, null where there is none. REFUSED
    and ABORTED (Boolean): the server, or the client, did nothing but reset. OPEN (Boolean): its
    flags have SYN and ACK, as those of the other end may; false where they have SYN alone or
    SYN_ACK, which prove it, and null where they have none of these. The others are never null.
    """
    with_icmp = flows.with_columns(_icmp(flows))
    read = with_icmp.select(_needed(with_icmp))
    src, dst, flags = (read[name].fill_null(0).to_numpy() for name in (_SRC, _DST, _FLAGS))
    echo = read[_ECHO].cast(pl.Int8).fill_null(_NOT_KNOWN).to_numpy()
    tables = _tables()
    kinds = tables.of_flags[np.where(flags >> 11 == 0, flags, flags & _MEANT | _MEANT + 1)]
    cases = ((kinds & 7) * np.int32(8) + tables.of_ports[src]) * 8 + tables.of_ports[dst]
    decided, basis = tables.decisions[:, cases * 3 + echo]
    forward = pl.Series(decided == 1)
    if (decided == _NOT_KNOWN).any():
        forward = _not_after(flows).zip_with(pl.Series(decided == _NOT_KNOWN), forward)
    return pl.DataFrame(
        [
            read[_SRC],
            read[_DST],
            forward.alias(FORWARD),
            pl.Series(BASIS, basis),
            pl.Series(REFUSED, kinds & _RESET != 0),
            pl.Series(_OPEN, tables.open_by_flags[kinds & 7]),
        ]
    ).select(_from_source())


@cache
def _from_source() -> list[pl.Expr]:
    source = pl.col(FORWARD)
    return [
        source,
        pl.col(BASIS),
        pl.when(source).then(_DST).otherwise(_SRC).alias(PORT),
        pl.when(source).then(_SRC).otherwise(_DST).alias(CLIENT_PORT),
        (pl.col(REFUSED) & ~source).alias(REFUSED),
        (pl.col(REFUSED) & source).alias(ABORTED),
        pl.when(pl.col(_OPEN) != _NOT_KNOWN).then(pl.col(_OPEN) == 1).alias(OPEN),
    ]


@prepared
def _icmp(schema: values.Schema) -> list[pl.Expr]:
    """_ICMP (Boolean)."""
    return [_is_icmp(schema).alias(_ICMP)]


@prepared
def _needed(schema: values.Schema) -> list[pl.Expr]:
    """_SRC and _DST (Int32, ports), _FLAGS (Int64), and _ECHO (Boolean: it is a request)."""
    flags = pl.when(integer(schema, "Proto") != _TCP).then(0).otherwise(_flags(schema))
    return [
        _port(schema, "SrcPort").alias(_SRC),
        _port(schema, "DstPort").alias(_DST),
        flags.alias(_FLAGS),
        _echo(schema).alias(_ECHO),
        pl.col(_ICMP),
    ]


def _flags(schema: values.Schema) -> pl.Expr:
    """Int64: the bits; where they were guessed, those of the headers: SYN and ACK."""
    flags = tcp.bits(schema, "Flags").fill_null(0)
    if not values.known(schema, tcp.EVIDENCE):
        return flags
    guessed = values.text(schema, tcp.EVIDENCE) == tcp.UNCERTAIN
    return pl.when(guessed).then((flags | _SYN | _ACK) & ~_SYN_ACK).otherwise(flags)


def _port(schema: values.Schema, name: str) -> pl.Expr:
    """Int32: a port, null where the protocol has none."""
    port = integer(schema, name)
    usual = port.is_between(1, service_ports.PORTS - 1)
    return pl.when(usual & ~pl.col(_ICMP)).then(port)


def _echo(schema: values.Schema) -> pl.Expr:
    """Boolean: whether an echo is a request; null where it is none."""
    if not values.known(schema, "IcmpType"):
        return pl.lit(None, dtype=pl.Boolean)
    kind = integer(schema, "IcmpType")
    request = pl.when(kind.is_in(_ECHO_REQUESTS)).then(pl.lit(value=True))
    return pl.when(_ICMP).then(request.when(kind.is_in(_ECHO_REPLIES)).then(pl.lit(value=False)))


def _is_icmp(schema: values.Schema) -> pl.Expr:
    number = integer(schema, "Proto")
    return pl.any_horizontal(number == one for one in _ICMPS).fill_null(value=False)


def _not_after(flows: pl.DataFrame) -> pl.Series:
    """Boolean: whether address and port of the source are not greater than the others."""
    schema = flows.schema
    src, dst = (values.text(schema, f"{end}Addr").fill_null("") for end in ("Src", "Dst"))
    port, port_too = (integer(schema, f"{end}Port").fill_null(0) for end in ("Src", "Dst"))
    smaller = (src < dst) | ((src == dst) & (port <= port_too))
    return values.column(flows, smaller)


def integer(schema: values.Schema, name: str) -> pl.Expr:
    """Int32: a small number, null where the flow does not have it as one."""
    dtype = schema.get(name)
    if dtype is not None and dtype.is_integer() and values.overflow(name) not in schema:
        return pl.col(name).cast(pl.Int32, strict=False)
    return values.integer(schema, name).cast(pl.Int32, strict=False)


_KNOWN, _HIGH, _THERE = 1, 2, 4
"""What is to be known of a port; nothing of none."""


def _kinds_of_flags(flags: NDArray[np.int64]) -> NDArray[np.uint8]:
    """The bits of _SYN, _ACK and _SYN_ACK as 1, 2 and 4, and whether they are a reset alone."""
    bits = (flags & _SYN != 0) + 2 * (flags & _ACK != 0) + 4 * (flags & _SYN_ACK != 0)
    kinds: NDArray[np.uint8] = (bits + _RESET * np.isin(flags, _RESETS)).astype(np.uint8)
    return kinds


def _decision(flags: int, src: int, dst: int, echo: int) -> tuple[int, int]:
    """Whether the source is the client (_NOT_KNOWN: undecided), and the position of the basis.

    A flow with SYN and ACK is that of an agent's client, whose packets have one bit each, or the
    reply that another source tells by the bits of the header: there, ports decide.
    """
    known, high = (dst & _KNOWN, dst & _HIGH)
    by_service = bool(known) if known != src & _KNOWN else None
    differ = src & dst & _THERE and high != src & _HIGH
    by_range = not high if differ else None
    by_port = by_range if by_service is None else by_service
    opens = bool(flags & 1) and not flags & 4
    opinions = {
        Basis.SYN_ACK: False if flags & 4 or (opens and flags & 2 and by_port is False) else None,
        Basis.SYN: True if opens else None,
        Basis.ECHO: None if echo == _NOT_KNOWN else bool(echo),
        Basis.WELL_KNOWN: by_service,
        Basis.RANGE: by_range,
        Basis.UNDECIDED: _NOT_KNOWN,
    }
    basis, forward = next((b, int(f)) for b, f in opinions.items() if f is not None)
    return forward, BASES.index(basis)


def _may_be_of_either(flags: int) -> int:
    """OPEN, by the bits of `_kinds_of_flags`."""
    return int(bool(flags & 2) and not flags & 4) if flags & 5 else _NOT_KNOWN


_RESET, _MEANT = 8, 0x7FF
"""The bit of a reset alone; the bits of flags that have a meaning: more of them are no reset."""


class _Tables(NamedTuple):
    """What flags and ports say, by their numbers; decisions by all of these together."""

    of_flags: NDArray[np.uint8]
    of_ports: NDArray[np.uint8]
    decisions: NDArray[np.uint8]
    open_by_flags: NDArray[np.uint8]


@cache
def _tables() -> _Tables:
    kinds = _kinds_of_flags(np.arange(_MEANT + 1))
    high = np.arange(service_ports.PORTS) >= service_ports.EPHEMERAL
    of_ports = np.array(service_ports.known(), np.uint8) * _KNOWN
    of_ports += high.astype(np.uint8) * _HIGH + _THERE
    of_ports[0] = 0
    cases = product(range(8), range(8), range(8), range(3))
    return _Tables(
        of_flags=np.append(kinds, kinds & 7),
        of_ports=of_ports,
        decisions=np.array([_decision(*case) for case in cases], np.uint8).T.copy(),
        open_by_flags=np.array([_may_be_of_either(flags) for flags in range(8)], np.uint8),
    )
