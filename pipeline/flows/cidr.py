"""Addresses and networks as the original reads them, and tables of networks.

Source: docs/reference/transforms.md#addresses.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator
from typing import Generic, TypeVar

import polars as pl

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_Value = TypeVar("_Value")
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
        found = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return mapped or found


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
    distinct = known.filter(known.str.contains(":", literal=True)).unique()
    changed = {text: one for text in distinct if (one := canonical(text)) != text}
    return texts.replace(changed) if changed else texts


def equals(texts: pl.Expr, text: str) -> pl.Expr:
    """Boolean, null for null: a column (String) is a text; addresses are equal in any form."""
    if address(text) is None:
        return texts == text
    return texts.map_batches(canonical_texts, pl.String(), is_elementwise=True) == canonical(text)


def within(texts: pl.Expr, net: str) -> pl.Expr:
    """Boolean, null for null: whether the address in a column (String) is in a valid CIDR.

    Every distinct text is read once; what is not an address is in no network.
    """
    table = PrefixTable([(found, True)] if (found := network(net)) else [])

    def contains(column: pl.Series) -> pl.Series:
        distinct = column.unique().drop_nulls()
        places = [address(text.partition("%")[0]) for text in distinct]
        inside = [bool(place and table.first(place)) for place in places]
        return column.replace_strict(distinct, inside, return_dtype=pl.Boolean())

    return texts.map_batches(contains, pl.Boolean(), is_elementwise=True)


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


class PrefixTable(Generic[_Value]):
    """Values by network. Either the first listed or the narrowest wins.

    One dictionary per prefix length in use: a lookup costs a probe for each of them, however
    many networks there are.

    >>> table = PrefixTable([(network("10.0.0.0/8"), "ten"), (network("10.1.0.0/16"), "one")])
    >>> table.first(address("10.1.2.3"))
    (IPv4Network('10.0.0.0/8'), 'ten')
    >>> table.longest(address("10.1.2.3"))
    (IPv4Network('10.1.0.0/16'), 'one')
    """

    def __init__(self, listed: Iterable[tuple[Network, _Value]] = ()) -> None:
        self._lengths: dict[tuple[int, int], dict[int, tuple[int, Network, _Value]]] = {}
        for order, (net, value) in enumerate(listed):
            by_prefix = self._lengths.setdefault((net.version, net.prefixlen), {})
            by_prefix.setdefault(_prefix(net.network_address, net.prefixlen), (order, net, value))

    def first(self, place: Address) -> tuple[Network, _Value] | None:
        """The first listed network that contains the address, and its value."""
        return _answer(min(self._hits(place), default=None, key=lambda hit: hit[0]))

    def longest(self, place: Address) -> tuple[Network, _Value] | None:
        """The narrowest network that contains the address, and its value."""
        return _answer(max(self._hits(place), default=None, key=lambda hit: hit[1].prefixlen))

    def all(self, place: Address) -> frozenset[Network]:
        """Every listed network that contains the address."""
        return frozenset(hit[1] for hit in self._hits(place))

    def first_around(self, net: Network) -> tuple[Network, _Value] | None:
        """The first listed among a network itself and those that contain it."""
        hits = self._hits(net.network_address, net.prefixlen)
        return _answer(min(hits, default=None, key=lambda hit: hit[0]))

    def _hits(self, place: Address, longest: int = 128) -> Iterator[tuple[int, Network, _Value]]:
        for (version, length), by_prefix in self._lengths.items():
            if version == place.version and length <= longest:
                hit = by_prefix.get(_prefix(place, length))
                if hit:
                    yield hit


def _prefix(place: Address, length: int) -> int:
    return int(place) >> (place.max_prefixlen - length)


def _answer(hit: tuple[int, Network, _Value] | None) -> tuple[Network, _Value] | None:
    return hit and (hit[1], hit[2])


def is_loopback(text: str) -> bool:
    """Whether an address is of this machine alone; an IPv4 address may be written as IPv6.

    >>> [is_loopback(text) for text in ("127.9.9.9", "::1", "::ffff:127.0.0.1", "10.0.0.1", "here")]
    [True, True, True, False, False]
    """
    found = address(text.partition("%")[0])
    return found is not None and found.is_loopback
