"""Few networks around many addresses, and how far they may go beyond them.

The rule: a network is taken for its addresses when both its halves have addresses that were seen,
and it has at most `spread` addresses for each one seen. Of networks inside each other the widest
is taken. So a single address stays alone, nothing is opened at an edge of a block where nothing
was seen, and in all at most `spread` addresses are opened for each one seen.
"""

from __future__ import annotations

import ipaddress
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence

from discovery import networks
from pipeline.flows.cidr import Address, Network

SPREAD = 4
"""Addresses that may be opened for each one seen, unless told otherwise."""


def cover(
    addresses: Iterable[Address], spread: int = SPREAD, taken: Iterable[Network] = ()
) -> list[Network]:
    """The networks around addresses by the rule above, IPv4 first, in order; none overlap.

    With a `spread` of 1 they have the addresses seen and no other. No network that has more than
    one address overlaps a network of `taken`, unless all its addresses were seen.
    """
    places, kept = set(addresses), networks.collapsed(taken)
    found: list[Network] = []
    for version, bits in ((4, 32), (6, 128)):
        numbers = sorted(int(place) for place in places if place.version == version)
        others = [net for net in kept if net.version == version]
        found += _Cover(numbers, bits, spread, others).networks()
    return found


class _Cover:
    """One covering of sorted numbers of `bits` bits."""

    def __init__(
        self, numbers: Sequence[int], bits: int, spread: int, taken: Sequence[Network]
    ) -> None:
        self._numbers = numbers
        self._bits = bits
        self._spread = spread
        self._starts = [int(net.network_address) for net in taken]
        self._ends = [int(net.broadcast_address) for net in taken]
        self._make = ipaddress.IPv4Network if bits == 32 else ipaddress.IPv6Network

    def networks(self) -> list[Network]:
        """The networks in order."""
        found: list[Network] = []
        waiting = [(0, len(self._numbers))] if self._numbers else []
        while waiting:
            start, end = waiting.pop()
            first, last = self._numbers[start], self._numbers[end - 1]
            free = (first ^ last).bit_length()
            base = first >> free << free
            if self._may_open(base, 1 << free, end - start):
                found.append(self._make((base, self._bits - free)))
                continue
            middle = bisect_left(self._numbers, base + (1 << free >> 1), start, end)
            waiting += [(middle, end), (start, middle)]
        return found

    def _may_open(self, base: int, size: int, seen: int) -> bool:
        if size == seen:
            return True
        if size > self._spread * seen:
            return False
        at = bisect_right(self._starts, base + size - 1) - 1
        return at < 0 or self._ends[at] < base
