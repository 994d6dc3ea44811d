"""Addresses and networks as the original reads them.

Source: docs/reference/transforms.md#addresses.
"""

from __future__ import annotations

import ipaddress
import re
from socket import AF_INET, inet_pton

import polars as pl

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_CIDR = re.compile(r"[^/%]+/[0-9]{1,3}")
_MAPPED = 96
"""Length of the prefix before the IPv4 address in an IPv4-mapped one."""


def address(text: str) -> Address | None:
    """An address, IPv4-mapped ones as IPv4; None for leading zeros, blanks, zones and the like.

    >>> address("::ffff:10.0.0.1")
    IPv4Address('10.0.0.1')
    >>> [address(text) for text in ("010.0.0.1", " 10.0.0.1", "fe80::1%eth0", "")]
    [None, None, None, None]
    """
    if "%" in text:
        return None
    try:
        if ":" not in text:  # half of the time that ipaddress takes to read the text
            return ipaddress.IPv4Address(inet_pton(AF_INET, text))
        found = ipaddress.IPv6Address(text)
    except (ValueError, OSError):
        return None
    return found.ipv4_mapped or found


def canonical(text: str) -> str:
    """The one text that every form of an address has: IPv6 shortened and in lower case (RFC 5952).

    IPv4-mapped addresses are written as IPv4, zones are dropped. Other texts stay as they are.
    """
    if ":" not in text:  # of IPv4 there is one form only
        return text
    found = address(text.partition("%")[0])
    return str(found) if found else text


def canonical_texts(texts: pl.Series) -> pl.Series:
    """`canonical` of a column (String): every distinct text with a colon is read once."""
    known = texts.drop_nulls()
    known = known.filter(known.str.contains(":", literal=True))
    distinct = known.filter(~known.to_frame().select(is_usual(pl.first())).to_series()).unique()
    changed = {text: one for text in distinct if (one := canonical(text)) != text}
    return texts.replace(changed) if changed else texts


def is_usual(texts: pl.Expr) -> pl.Expr:
    """Boolean: surely an IPv6 address in its canonical form; false for rare ones of these, too.

    It begins with a group, which is not 0, so that it is not IPv4-mapped.
    """
    short = texts.str.contains("::", literal=True) & (texts.str.count_matches(":") < _COLONS)
    unpacked = texts.str.contains(r":0:0|:0::|::0", literal=False)
    return texts.str.contains(_SHORT) & short & ~unpacked | texts.str.contains(_LONG) & ~unpacked


_GROUP = "(?:[1-9a-f][0-9a-f]{0,3}|0)"
_SHORT = rf"^[1-9a-f][0-9a-f]{{0,3}}(?::{_GROUP}){{0,4}}::(?:{_GROUP}(?::{_GROUP}){{0,4}})?$"
_LONG = rf"^[1-9a-f][0-9a-f]{{0,3}}(?::{_GROUP}){{7}}$"
_COLONS = 7
_FOUR = rf"^((?:{_GROUP}:){{3}}{_GROUP})(?::|$)"
_FEWER = rf"^({_GROUP}(?::{_GROUP}){{0,2}})::(?:{_GROUP}(?::{_GROUP}){{0,3}})?$"


def networks_64(texts: pl.Expr) -> pl.Expr:
    """String: the /64 around IPv6 addresses in their usual form, null for other texts."""
    four = texts.str.extract(_FOUR).str.replace("(?::0)+$", "")
    begin = pl.coalesce(texts.str.extract(_FEWER), four)
    return pl.when(is_usual(texts)).then(begin + "::/64")


def equals(texts: pl.Expr, text: str) -> pl.Expr:
    """Boolean, null for null: a column (String) is a text; addresses are equal in any form."""
    if address(text) is None:
        return texts == text
    return texts.map_batches(canonical_texts, pl.String(), is_elementwise=True) == canonical(text)


def network(text: str) -> Network | None:
    """A network without host bits, IPv4-mapped ones as IPv4; None for an invalid CIDR.

    >>> network("10.0.0.5/8"), network("::ffff:10.0.0.0/104")
    (IPv4Network('10.0.0.0/8'), IPv4Network('10.0.0.0/8'))
    >>> [network(text) for text in ("10.0.0.1", "10.0.0.0/33", "10.0.0.0/255.0.0.0")]
    [None, None, None]
    """
    if not _CIDR.fullmatch(text):
        return None
    try:
        found = ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None
    if isinstance(found, ipaddress.IPv6Network) and found.prefixlen >= _MAPPED:
        mapped = found.network_address.ipv4_mapped
        if mapped:
            return ipaddress.ip_network((mapped, found.prefixlen - _MAPPED))
    return found


def has_host_bits(text: str) -> bool:
    """Whether a CIDR names more than its network.

    >>> has_host_bits("10.0.0.5/8"), has_host_bits("10.0.0.0/8")
    (True, False)
    """
    try:
        ipaddress.ip_network(text)
    except ValueError:
        return network(text) is not None
    return False


def is_loopback(text: str) -> bool:
    """Whether an address is of this machine alone; an IPv4 address may be written as IPv6.

    >>> [is_loopback(text) for text in ("127.9.9.9", "::1", "::ffff:127.0.0.1", "10.0.0.1", "here")]
    [True, True, True, False, False]
    """
    found = address(text.partition("%")[0])
    return found is not None and found.is_loopback
