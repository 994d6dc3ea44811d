"""Tables of networks: which of them an address is in, one by one or for a column of texts.

Source: docs/reference/transforms.md#addresses.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Generic, TypeVar

import numpy as np
import polars as pl

from pipeline.flows import cidr
from pipeline.flows.cidr import Address, Network
from pipeline.flows.packed import BYTES, packed

if TYPE_CHECKING:
    import numpy.typing as npt

_Value = TypeVar("_Value")
_ADDRESSES: dict[int, type[Address]] = {4: ipaddress.IPv4Address, 6: ipaddress.IPv6Address}


class PrefixTable(Generic[_Value]):
    """Values by network. Either the first listed or the narrowest wins.

    One dictionary per prefix length in use: a lookup costs a probe for each of them, however
    many networks there are.

    >>> ten, one = cidr.network("10.0.0.0/8"), cidr.network("10.1.0.0/16")
    >>> table = PrefixTable([(ten, "ten"), (one, "one")])
    >>> table.first(cidr.address("10.1.2.3"))
    (IPv4Network('10.0.0.0/8'), 'ten')
    >>> table.longest(cidr.address("10.1.2.3"))
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

    def by_text(
        self, dtype: pl.DataType, *, longest: bool = False
    ) -> Callable[[pl.Series], pl.Series]:
        """From texts (String) to the values of the first network around each, or the narrowest.

        Null where a text is not an address, or is in no network. Between two of the places where
        networks begin or end, all addresses have the same answer, which is found once.
        """
        known: list[_Value | None] = [None]
        cuts = {version: self._cut(version, known, longest=longest) for version in BYTES}
        values = pl.Series(known, dtype=dtype)

        def look_up(texts: pl.Series) -> pl.Series:
            found = np.zeros(len(texts), np.uint32)
            for version, places, numbers in packed(texts):
                starts, answers = cuts[version]
                found[places] = answers[np.searchsorted(starts, numbers, side="right")]
            return values.gather(pl.Series(found))

        return look_up

    def around(self, texts: pl.Series, dtype: pl.DataType) -> pl.Series:
        """The values of the first network around each address or CIDR of a column (String)."""
        nets = [(place, cidr.network(text)) for place, text in enumerate(texts) if "/" in text]
        hits = [(n, hit[1]) for n, net in nets if net and (hit := self.first_around(net))]
        values = pl.Series([value for _, value in hits], dtype=dtype)
        return self.by_text(dtype)(texts).scatter([place for place, _ in hits], values)

    def _cut(
        self, version: int, known: list[_Value | None], *, longest: bool
    ) -> tuple[npt.NDArray[np.bytes_], npt.NDArray[np.uint32]]:
        """Where answers change, sorted, and the number of each in `known`, which grows by them.

        The first is the answer before all of these places.
        """
        make, size = _ADDRESSES[version], BYTES[version]
        lengths = [held for (own, _), held in self._lengths.items() if own == version]
        nets = [net for held in lengths for _, net, _ in held.values()]
        edges = {int(net.network_address) for net in nets}
        edges |= {int(net.broadcast_address) + 1 for net in nets}
        starts = sorted(edge for edge in edges if edge < 1 << 8 * size)
        answers = [0]
        for start in starts:
            hit = (self.longest if longest else self.first)(make(start))
            answers.append(len(known) if hit else 0)
            known += [hit[1]] if hit else []
        told = np.array([start.to_bytes(size) for start in starts], f"S{size}")
        return told, np.array(answers, np.uint32)

    def all(self, place: Address) -> frozenset[Network]:
        """Every listed network that contains the address."""
        return frozenset(hit[1] for hit in self._hits(place))

    def first_around(self, net: Network) -> tuple[Network, _Value] | None:
        """The first listed among a network itself and those that contain it."""
        hits = self._hits(net.network_address, net.prefixlen)
        return _answer(min(hits, default=None, key=lambda hit: hit[0]))

    def _hits(self, place: Address, longest: int = 128) -> Iterator[tuple[int, Network, _Value]]:
        number, family, bits = int(place), place.version, place.max_prefixlen
        for (version, length), by_prefix in self._lengths.items():
            if version == family and length <= longest:
                hit = by_prefix.get(number >> (bits - length))
                if hit:
                    yield hit


def _prefix(place: Address, length: int) -> int:
    return int(place) >> (place.max_prefixlen - length)


def _answer(hit: tuple[int, Network, _Value] | None) -> tuple[Network, _Value] | None:
    return hit and (hit[1], hit[2])


def within(texts: pl.Expr, net: str) -> pl.Expr:
    """Boolean, null for null: whether the address in a column (String) is in a valid CIDR.

    Its zone does not count; what is not an address is in no network.
    """
    table = PrefixTable([(found, True)] if (found := cidr.network(net)) else [])
    inside = table.by_text(pl.Boolean())

    def contain(column: pl.Series) -> pl.Series:
        distinct = column.drop_nulls().unique()
        found = inside(distinct.str.replace("(?s)%.*", "")).fill_null(value=False)
        return column.replace_strict(distinct, found, default=None)

    return texts.map_batches(contain, pl.Boolean(), is_elementwise=True)
