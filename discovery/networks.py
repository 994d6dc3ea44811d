"""Many networks as numbers: which of them contain which addresses, without a loop over either."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

import polars as pl

from pipeline.flows import cidr
from pipeline.flows.cidr import Network
from pipeline.flows.prefix_table import PrefixTable

BITS = 128
_HALF = 64
_ONES = 2**_HALF - 1
_IPV4_MORE = 96
NUMBERS = {
    "version": pl.UInt8(),
    "length": pl.UInt8(),
    "high": pl.UInt64(),
    "low": pl.UInt64(),
}
"""A network as numbers: 4 or 6, the length of its prefix of 128 bits (96 more than written for
IPv4), and the two halves of its first address."""


def network(text: str) -> Network | None:
    """A CIDR, or an address as the network that has it alone; None for other texts.

    >>> network("10.1.2.3"), network("10.1.2.3/8"), network("ten")
    (IPv4Network('10.1.2.3/32'), IPv4Network('10.0.0.0/8'), None)
    """
    if "/" in text:
        return cidr.network(text)
    place = cidr.address(text)
    return ipaddress.ip_network(place) if place else None


def numbered(texts: pl.Series) -> pl.DataFrame:
    """Each distinct text that is an address or CIDR: `text`, `cidr` (String), then NUMBERS.

    `cidr` is the network as it is usually written, without host bits.
    """
    distinct = texts.drop_nulls().unique(maintain_order=True).to_list()
    rows = [(text, str(net), *_numbers(net)) for text in distinct if (net := network(text))]
    schema = {"text": pl.String(), "cidr": pl.String(), **NUMBERS}
    return pl.DataFrame(rows, schema, orient="row")


def _numbers(net: Network) -> tuple[int, int, int, int]:
    first = int(net.network_address)
    more = _IPV4_MORE if net.version == 4 else 0
    return net.version, net.prefixlen + more, first >> _HALF, first & _ONES


def containing(inner: pl.DataFrame, outer: pl.DataFrame) -> pl.DataFrame:
    """Each pair of a network of `inner` and one of `outer` that contains it.

    Both frames have NUMBERS. Columns of the result: those of `inner`, and those of `outer` except
    NUMBERS, with `length` as `outer_length`. One join for each length of a prefix in `outer`.
    """
    places = ["version", "high", "low"]
    found = [inner.clear().join(_others(outer.clear()), on=places)]
    for (length,), some in outer.partition_by("length", as_dict=True).items():
        narrower = inner.filter(pl.col("length") >= length)
        masked = narrower.with_columns(
            pl.col(name).and_(mask).alias(f"outer_{name}")
            for name, mask in zip(("high", "low"), _masks(int(length)), strict=True)
        )
        pairs = masked.join(
            _others(some),
            left_on=["version", "outer_high", "outer_low"],
            right_on=places,
        )
        found.append(pairs.drop("outer_high", "outer_low"))
    return pl.concat(found)


def _others(outer: pl.DataFrame) -> pl.DataFrame:
    return outer.rename({"length": "outer_length"})


def _masks(length: int) -> tuple[pl.Expr, pl.Expr]:
    """What leaves the prefix of both halves of an address."""
    whole = ((1 << length) - 1) << (BITS - length)
    return (
        pl.lit(whole >> _HALF, dtype=pl.UInt64()),
        pl.lit(whole & _ONES, dtype=pl.UInt64()),
    )


def collapsed(nets: Iterable[Network]) -> list[Network]:
    """The fewest networks that have the same addresses, IPv4 first, in order."""
    kept = list(nets)
    four = [net for net in kept if isinstance(net, ipaddress.IPv4Network)]
    six = [net for net in kept if isinstance(net, ipaddress.IPv6Network)]
    return [*ipaddress.collapse_addresses(four), *ipaddress.collapse_addresses(six)]


def read(texts: Iterable[str]) -> list[Network]:
    """The networks of addresses and CIDRs; other texts are left out."""
    return [net for text in texts if (net := network(text))]


def size(texts: Iterable[str]) -> int:
    """The number of addresses in CIDRs, each counted once.

    >>> size(["10.0.0.0/31", "10.0.0.1"])
    2
    """
    return sum(net.num_addresses for net in collapsed(read(texts)))


def ordered(texts: Iterable[str]) -> list[str]:
    """Distinct addresses and CIDRs in order, IPv4 first; other texts are left out."""
    nets = {text: net for text in texts if (net := network(text))}
    return sorted(nets, key=lambda text: (nets[text].version, *_ends(nets[text])))


def outermost(texts: Iterable[str]) -> list[str]:
    """The CIDRs that are not inside another one, in order."""
    found: list[str] = []
    last: Network | None = None
    for text in ordered(texts):
        net = network(text)
        if net and not (last and last.version == net.version and _ends(net)[1] >= _ends(last)[1]):
            found.append(text)
            last = net
    return found


def beyond(texts: Iterable[str], others: Iterable[str]) -> list[str]:
    """The CIDRs that are not inside one of the others, in order."""
    around = PrefixTable((net, True) for net in read(others))
    return [text for text in ordered(texts) if (n := network(text)) and not around.first_around(n)]


def _ends(net: Network) -> tuple[int, int]:
    """The first address, and the last one so that the wider network of two comes first."""
    return int(net.network_address), -int(net.broadcast_address)
