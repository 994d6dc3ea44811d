"""Addresses of a Record as text, a column at a time (docs/reference/decoding.md#flow)."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from functools import cache
from socket import AF_INET6, inet_ntop

import polars as pl

from pipeline.flows import values

_LOW = bytes(10)
"""How the IPv6 addresses begin that the C library may write with an IPv4 address inside."""

_ZEROS = [bytes(16), bytes(10) + b"\xff\xff" + bytes(4)]


def ip_text(ip: pl.Expr) -> pl.Expr:
    """String from an `IP` message; 0.0.0.0 when unset. Of an IPv6 address 16 bytes count."""
    return _ip_text(ip, lambda raw: ip_name(raw[:16]))


def agent_text(ip: pl.Expr) -> pl.Expr:
    """String from an `IP` message; an address of a wrong length reads `?` and its hex digits."""
    return _ip_text(ip, ip_name)


def is_set(ip: pl.Expr) -> pl.Expr:
    """Boolean: the `IP` message is there and not the zero address of either family."""
    ipv6 = ip.struct.field("ipv6").bin.head(16)
    return (ip.struct.field("ipv4").fill_null(0) != 0) | (
        ipv6.is_not_null() & ~ipv6.is_in(_ZEROS)
    ).fill_null(False)


def fault(ip: pl.Expr) -> pl.Expr:
    """String: why an `IP` message is not a flow's address; null when it is, or is unset.

    A message with both families is refused because only its last one is meant, and the parser
    does not tell which that was.
    """
    ipv4, ipv6 = ip.struct.field("ipv4"), ip.struct.field("ipv6")
    size = ipv6.bin.size()
    return (
        pl.when(size < 16)
        .then(pl.format("an IPv6 address of {} bytes", size))
        .when(ipv4.is_not_null() & ipv6.is_not_null())
        .then(pl.lit("an address of both families"))
    )


def mac_text(mac: pl.Expr) -> pl.Expr:
    """String from the low 48 bits, most significant first: 0a:58:0a:80:02:0e."""

    def convert(column: pl.Series) -> pl.Series:
        table = _pairs("{:02x}:{:02x}")
        parts = [
            table.gather(column // 2**shift % 2**16).alias(str(shift)) for shift in (32, 16, 0)
        ]
        return pl.select(pl.concat_str(parts, separator=":")).to_series()

    return mac.map_batches(convert, return_dtype=pl.String(), is_elementwise=True)


def ip_name(raw: bytes) -> str:
    """The original's text of address bytes; an IPv4 address mapped into IPv6 reads as IPv4."""
    if not raw:
        return "<nil>"
    if len(raw) not in {4, 16}:
        return "?" + raw.hex()
    if len(raw) == 16 and not raw.startswith(_LOW):  # a tenth of the time that ipaddress takes
        return inet_ntop(AF_INET6, raw)
    address = ipaddress.ip_address(raw)
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)


def _ip_text(ip: pl.Expr, name: Callable[[bytes], str]) -> pl.Expr:
    def convert(column: pl.Series) -> pl.Series:
        number = column.struct.field("ipv4").fill_null(0)
        high, low = _pairs("{}.{}."), _pairs("{}.{}")
        text = high.gather(number // 2**16) + low.gather(number % 2**16)
        ipv6 = column.struct.field("ipv6")
        if ipv6.null_count() == len(ipv6):
            return text
        named = values.distinct(pl.lit(ipv6), name, pl.String())
        return pl.select(pl.coalesce(named, pl.lit(text))).to_series()

    return ip.map_batches(convert, return_dtype=pl.String(), is_elementwise=True)


@cache
def _pairs(form: str) -> pl.Series:
    """Text of two bytes for each of their 65,536 values: two look-ups print an IPv4 address."""
    return pl.Series([form.format(high, low) for high in range(256) for low in range(256)])
