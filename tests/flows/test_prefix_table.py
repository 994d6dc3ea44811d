"""Tables of networks, asked one by one and for columns."""

from __future__ import annotations

import ipaddress

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.flows import cidr, prefix_table
from pipeline.flows.prefix_table import PrefixTable


def net(text: str) -> cidr.Network:
    return ipaddress.ip_network(text)


LISTED = [(net("10.0.0.0/8"), "wide"), (net("10.1.0.0/16"), "narrow"), (net("::/0"), "six")]


def test_first_and_longest() -> None:
    table = PrefixTable(LISTED)
    place = ipaddress.ip_address("10.1.2.3")
    assert table.first(place) == LISTED[0]
    assert table.longest(place) == LISTED[1]
    assert table.first(ipaddress.ip_address("11.0.0.1")) is None
    assert table.longest(ipaddress.ip_address("fd00::1")) == LISTED[2]
    assert table.first_around(net("10.1.0.0/16")) == LISTED[0]
    assert table.first_around(net("10.0.0.0/7")) is None


NETWORKS = st.builds(
    lambda bits, length: ipaddress.ip_network((bits << 24, length), strict=False),
    st.integers(0, 15),
    st.integers(0, 8),
)


@given(st.lists(NETWORKS, max_size=12), st.integers(0, 15))
def test_table_answers_as_a_scan_does(nets: list[cidr.Network], bits: int) -> None:
    place = ipaddress.ip_address(bits << 24)
    table = PrefixTable((one, i) for i, one in enumerate(nets))
    around = [(one, i) for i, one in enumerate(nets) if place in one]
    assert table.first(place) == (around[0] if around else None)
    narrowest = max(around, key=lambda hit: hit[0].prefixlen, default=None)
    assert table.longest(place) == narrowest


BITS = st.one_of(st.integers(0, 15).map(lambda bits: bits << 24), st.integers(0, 2**32 - 1))
PLACES = st.one_of(
    BITS.map(ipaddress.IPv4Address),
    BITS.map(lambda bits: ipaddress.IPv6Address(bits << 96)),
    BITS.map(lambda bits: ipaddress.IPv6Address(bits << 60 | 0x2A01 << 112)),
    BITS.map(lambda bits: ipaddress.IPv6Address(0xFFFF << 32 | bits)),
    st.sampled_from([0, 1, 2**64 - 1, 2**64, 2**128 - 1]).map(ipaddress.IPv6Address),
    st.just(ipaddress.IPv4Address("255.255.255.255")),
)
ODD = [
    "",
    "here",
    "010.0.0.1",
    "10.0.0.0/8",
    "1.2.3",
    "fe80::1%eth0",
    "1::2::3",
    "02:aa::g",
]


@st.composite
def listed(draw: st.DrawFn) -> list[cidr.Network]:
    """Networks of all lengths around some places."""
    places = draw(st.lists(PLACES, max_size=8))
    lengths = (draw(st.integers(0, place.max_prefixlen)) for place in places)
    texts = (f"{place}/{length}" for place, length in zip(places, lengths, strict=True))
    return [found for text in texts if (found := cidr.network(text))]


@st.composite
def texts(draw: st.DrawFn, nets: list[cidr.Network]) -> list[str]:
    """Addresses in their forms: any, those where networks begin and end, and next to these."""
    ends = [end for net in nets for end in (net.network_address, net.broadcast_address)]
    near = [
        type(end)(number)
        for end in ends
        for number in (int(end) - 1, int(end), int(end) + 1)
        if 0 <= number < 2**end.max_prefixlen
    ]
    places = [*near, *draw(st.lists(PLACES, max_size=4))]
    plain = [str(place) for place in places]
    return [*plain, *(text.upper() for text in plain), *(one.exploded for one in places), *ODD]


@pytest.mark.parametrize("longest", [False, True])
@given(data=st.data(), nets=listed())
def test_a_column_is_answered_as_each_of_its_texts(
    *, longest: bool, data: st.DataObject, nets: list[cidr.Network]
) -> None:
    asked = data.draw(texts(nets))
    table = PrefixTable((one, str(order)) for order, one in enumerate(nets))
    find = table.longest if longest else table.first
    expected = [(place := cidr.address(text)) and find(place) for text in asked]
    column = pl.Series("asked", [None, *asked])
    found = table.by_text(pl.String(), longest=longest)(column)
    assert found.to_list() == [None, *(hit and hit[1] for hit in expected)]


@given(st.data(), listed())
def test_networks_in_a_column_are_answered_by_those_around_them(
    data: st.DataObject, nets: list[cidr.Network]
) -> None:
    asked = [*data.draw(texts(nets)), *(str(one) for one in nets), "::/0", "0.0.0.0/0"]
    table = PrefixTable((one, str(order)) for order, one in enumerate(nets))
    found = table.around(pl.Series(asked), pl.String()).to_list()
    for text, value in zip(asked, found, strict=True):
        one, place = cidr.network(text), cidr.address(text)
        hit = table.first_around(one) if one else table.first(place) if place else None
        assert value == (hit and hit[1])


def test_a_table_without_networks_knows_nothing() -> None:
    look_up = PrefixTable[str]().by_text(pl.String())
    asked = pl.Series(["10.0.0.1", "2001:db8::1", ""])
    assert look_up(asked).to_list() == [None] * 3
    assert look_up(asked.clear()).to_list() == []


def test_within() -> None:
    """Every form of an address, whatever its zone; other texts are in no network."""
    flows = pl.DataFrame({"a": ["fe80::1%eth0", "FE80:0::2", "10.0.0.1", "x", "", None, "fe90::1"]})
    found = flows.select(prefix_table.within(pl.col("a"), "fe80::/16")).to_series()
    assert found.to_list() == [True, True, False, False, False, None, False]
    four = flows.select(prefix_table.within(pl.col("a"), "10.0.0.0/8")).to_series()
    assert four.to_list() == [False, False, True, False, False, None, False]
