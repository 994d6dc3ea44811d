"""Networks around addresses: how few, and how far they go."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from discovery import networks
from discovery.cover import cover
from pipeline.flows import cidr
from pipeline.flows.cidr import Address, Network

NEAR = st.integers(0, 600).map(lambda n: ipaddress.ip_address((10 << 24) + n))
NEAR_V6 = st.integers(0, 600).map(lambda n: ipaddress.ip_address((0x20010DB8 << 96) + n))
ANY = st.ip_addresses().map(lambda place: cidr.address(str(place)) or place)
SEEN = st.sets(st.one_of(NEAR, NEAR_V6, ANY), max_size=80)


def around(nets: list[Network], place: Address) -> list[Network]:
    return [net for net in nets if place.version == net.version and place in net]


@given(SEEN, st.integers(1, 16))
def test_every_address_is_in_exactly_one_network(seen: set[Address], spread: int) -> None:
    nets = cover(seen, spread)
    assert [len(around(nets, place)) for place in seen] == [1] * len(seen)


@given(SEEN, st.integers(1, 16))
def test_no_more_is_opened_than_the_spread_allows(seen: set[Address], spread: int) -> None:
    for net in cover(seen, spread):
        inside = [place for place in seen if around([net], place)]
        assert net.num_addresses <= spread * len(inside)
        if net.num_addresses > 1:
            halves = [any(around([half], p) for p in inside) for half in net.subnets()]
            assert halves == [True, True]


@given(SEEN)
def test_a_spread_of_one_opens_what_was_seen(seen: set[Address]) -> None:
    """As few networks as the standard library makes of the same addresses."""
    nets = cover(seen, 1)
    assert sum(net.num_addresses for net in nets) == len(seen)
    assert nets == networks.collapsed(networks.read(map(str, seen)))


@given(SEEN, st.integers(1, 15))
def test_a_larger_spread_makes_no_more_networks(seen: set[Address], spread: int) -> None:
    assert len(cover(seen, spread + 1)) <= len(cover(seen, spread))


@given(SEEN, st.integers(1, 16), st.lists(NEAR.map(ipaddress.ip_network), max_size=9))
def test_what_has_a_name_is_not_opened(
    seen: set[Address], spread: int, taken: list[Network]
) -> None:
    for net in cover(seen, spread, taken):
        mine = [other for other in taken if other.version == net.version and other.overlaps(net)]
        assert {other.network_address for other in mine} <= seen


@pytest.mark.parametrize(
    ("seen", "spread", "nets"),
    [
        ("10.0.0.7", 100, "10.0.0.7/32"),
        ("2001:db8::7", 100, "2001:db8::7/128"),
        ("10.0.0.0 10.0.0.3", 4, "10.0.0.0/30"),
        ("10.0.0.1 10.0.0.2", 1, "10.0.0.1/32 10.0.0.2/32"),
        ("10.0.0.0 10.0.0.8", 4, "10.0.0.0/32 10.0.0.8/32"),
        ("10.0.0.0 10.0.0.1 10.0.0.9", 4, "10.0.0.0/31 10.0.0.9/32"),
        ("3.5.206.141 3.5.205.175 3.5.205.38", 4, "3.5.205.38/32 3.5.205.175/32 3.5.206.141/32"),
        ("0.0.0.0 255.255.255.255", 4, "0.0.0.0/32 255.255.255.255/32"),
        ("", 4, ""),
    ],
)
def test_small_cases(seen: str, spread: int, nets: str) -> None:
    found = cover(map(ipaddress.ip_address, seen.split()), spread)
    assert " ".join(map(str, found)) == nets


def test_many_addresses_take_little_time() -> None:
    """A scan of 65,536 neighbours is one network; every fourth of them is one too, at 4."""
    base = 10 << 24
    assert len(cover(map(ipaddress.IPv4Address, range(base, base + 65_536)))) == 1
    assert len(cover(map(ipaddress.IPv4Address, range(base, base + 65_536, 3)))) == 1
    assert len(cover(map(ipaddress.IPv4Address, range(base, base + 65_536, 8)))) == 8_192
