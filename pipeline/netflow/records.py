"""Flows as records of IPFIX, a column at a time (docs/reference/ipfix.md#export)."""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Callable
from enum import Enum, auto
from itertools import groupby
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from pipeline.flows import values
from pipeline.netflow.cells import Bytes
from pipeline.netflow.template import VARIABLE

IPV4, IPV6 = 256, 257
"""The numbers of the templates."""
_IPV6 = 0x86DD
_UNIFORM = 4
"""selectorAlgorithm: uniform probabilistic sampling (RFC 5477)."""
_MOST = 4096
"""Bytes of a text; what is longer is cut."""


class Kind(Enum):
    """How a value is written."""

    NUMBER = auto()
    TEXT = auto()
    MAC = auto()
    ADDRESS = auto()
    SELECTOR = auto()
    PROBABILITY = auto()


class Element(NamedTuple):
    """An element, its bytes, and the column that it is written from."""

    number: int
    length: int
    column: str
    kind: Kind = Kind.NUMBER
    own: bool = False
    """Whether it is of the enterprise of the user."""


FIRST = ":first"
"""Behind the name of a field of lists: its first element."""


def _text(number: int, column: str, *, own: bool = True) -> Element:
    return Element(number, VARIABLE, column, Kind.TEXT, own)


def _addresses(length: int, *numbers: int) -> list[Element]:
    names = ("SrcAddr", "DstAddr", "XlatSrcAddr", "XlatDstAddr")
    return [
        Element(number, length, name, Kind.ADDRESS)
        for number, name in zip(numbers, names, strict=True)
    ]


_COMMON = [
    Element(256, 2, "Etype"),
    Element(61, 1, "IfDirections" + FIRST),
    Element(56, 6, "SrcMac", Kind.MAC),
    Element(80, 6, "DstMac", Kind.MAC),
    Element(4, 1, "Proto"),
    Element(7, 2, "SrcPort"),
    Element(11, 2, "DstPort"),
    Element(1, 8, "Bytes"),
    Element(152, 8, "TimeFlowStartMs"),
    Element(153, 8, "TimeFlowEndMs"),
    Element(2, 8, "Packets"),
    _text(82, "Interfaces" + FIRST, own=False),
    Element(6, 2, "Flags"),
    Element(227, 2, "XlatSrcPort"),
    Element(228, 2, "XlatDstPort"),
    Element(304, 2, "Sampling", Kind.SELECTOR),
    Element(311, 8, "Sampling", Kind.PROBABILITY),
]
_OWN = [
    _text(7733, "SrcK8S_Namespace"),
    _text(7734, "SrcK8S_Name"),
    _text(7735, "DstK8S_Namespace"),
    _text(7736, "DstK8S_Name"),
    _text(7737, "SrcK8S_HostName"),
    _text(7738, "DstK8S_HostName"),
    Element(7740, 8, "TimeFlowRttNs", own=True),
    _text(7741, "Interfaces"),
    _text(7742, "IfDirections"),
]


def elements(template: int, enterprise: int) -> list[Element]:
    """The elements of a record, in order; those of an enterprise where there is one."""
    if template == IPV6:
        src, dst, *translated = _addresses(16, 27, 28, 281, 282)
        icmp = [Element(193, 1, "Proto"), Element(178, 1, "IcmpType"), Element(179, 1, "IcmpCode")]
    else:
        src, dst, *translated = _addresses(4, 8, 12, 225, 226)
        icmp = [Element(176, 1, "IcmpType"), Element(177, 1, "IcmpCode")]
    return [src, dst, *icmp, *translated, *_COMMON, *(_OWN if enterprise else ())]


def template(number: int, enterprise: int) -> bytes:
    """A template record."""
    parts = elements(number, enterprise)
    fields = (
        struct.pack(">HHI", one.number | 0x8000, one.length, enterprise)
        if one.own
        else struct.pack(">HH", one.number, one.length)
        for one in parts
    )
    return struct.pack(">HH", number, len(parts)) + b"".join(fields)


def records(flows: pl.DataFrame, enterprise: int) -> list[tuple[int, list[bytes]]]:
    """The records of flows (`pipeline.netflow.selection`), by the number of their template."""
    is_ipv6 = flows["Etype"].fill_null(0) == _IPV6
    parts = ((IPV4, flows.filter(~is_ipv6)), (IPV6, flows.filter(is_ipv6)))
    return [(number, _encode(part, number, enterprise)) for number, part in parts if part.height]


def _encode(flows: pl.DataFrame, number: int, enterprise: int) -> list[bytes]:
    import pyarrow as pa  # noqa: PLC0415 - slow, and whoever only asks for elements needs none
    import pyarrow.compute as pc  # noqa: PLC0415

    from pipeline.netflow.fields import binary  # noqa: PLC0415

    columns: list[pa.Array] = []
    for fixed, group in groupby(elements(number, enterprise), lambda one: one.length != VARIABLE):
        if fixed:
            tables = [_fixed(flows[one.column], one) for one in group]
            columns.append(binary(np.hstack(tables)).to_arrow())
        else:
            columns += [_variable(flows[one.column]).to_arrow() for one in group]
    large = [column.cast(pa.large_binary()) for column in columns]
    joined: list[bytes] = pc.binary_join_element_wise(
        *large, pa.scalar(b"", pa.large_binary())
    ).to_pylist()
    return joined


def _fixed(column: pl.Series, one: Element) -> Bytes:
    """A row of bytes for each value."""
    if one.kind in {Kind.MAC, Kind.ADDRESS}:
        pack = _mac if one.kind is Kind.MAC else _packer(one.length)
        packed = pl.select(values.distinct(pl.lit(column), pack, pl.Binary())).to_series()
        whole = b"".join(packed.fill_null(bytes(one.length)).to_list())
        return np.frombuffer(whole, np.uint8).reshape(-1, one.length)
    numbers = column.fill_null(0).to_numpy()
    if one.kind is Kind.PROBABILITY:
        return _bytes((numbers > 0) / np.maximum(numbers, 1), ">f8")
    if one.kind is Kind.SELECTOR:
        return _bytes(np.where(numbers > 0, _UNIFORM, 0), ">u2")
    most = np.uint64(2 ** (8 * one.length) - 1)
    return _bytes(np.minimum(numbers, most), f">u{one.length}")


def _bytes(numbers: npt.NDArray[np.generic], kind: str) -> Bytes:
    return np.ascontiguousarray(numbers.astype(kind)).view(np.uint8).reshape(len(numbers), -1)


def _variable(column: pl.Series) -> pl.Series:
    """Binary: each text behind its length."""
    packed = pl.select(values.distinct(pl.lit(column), _prefixed, pl.Binary())).to_series()
    return packed.fill_null(b"\0")


def _prefixed(text: str) -> bytes:
    raw = text.encode()[:_MOST].decode(errors="ignore").encode()
    size = len(raw)
    return (bytes([size]) if size < 255 else b"\xff" + size.to_bytes(2, "big")) + raw


def _mac(text: str) -> bytes:
    try:
        raw = bytes.fromhex(text.replace(":", ""))
    except ValueError:
        return bytes(6)
    return raw if len(raw) == 6 else bytes(6)


def _packer(size: int) -> Callable[[str], bytes]:
    return lambda text: _address(text, size)


def _address(text: str, size: int) -> bytes:
    """The bytes of an address, zeros for one of the other family and for other texts."""
    try:
        found = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return bytes(size)
    if size == 16 and found.version == 4:
        return bytes(10) + b"\xff\xff" + found.packed
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    packed = (mapped or found).packed if size == 4 else found.packed
    return packed if len(packed) == size else bytes(size)
