"""Addresses, networks, tables of networks."""

from __future__ import annotations

import ipaddress

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.flows import cidr


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("10.0.0.1", "10.0.0.1"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("FD00:0:0:0::1", "fd00::1"),
        ("010.0.0.1", None),
        ("10.0.0.1 ", None),
        ("10.0.1", None),
        ("fe80::1%eth0", None),
        ("", None),
    ],
)
def test_address(text: str, found: str | None) -> None:
    assert str(cidr.address(text)) == str(found)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("10.1.2.3/16", "10.1.0.0/16"),
        ("fd00::1/64", "fd00::/64"),
        ("::ffff:10.1.2.3/120", "10.1.2.0/24"),
        ("::ffff:10.1.2.3/24", "::/24"),
        ("0.0.0.0/0", "0.0.0.0/0"),
        ("10.0.0.0", None),
        ("10.0.0.0/255.0.0.0", None),
        ("10.0.0.0/33", None),
        ("fe80::1%eth0/64", None),
        ("10.0.0/8", None),
    ],
)
def test_network(text: str, found: str | None) -> None:
    assert str(cidr.network(text)) == str(found)


def net(text: str) -> cidr.Network:
    return ipaddress.ip_network(text)


LISTED = [(net("10.0.0.0/8"), "wide"), (net("10.1.0.0/16"), "narrow"), (net("::/0"), "six")]


def test_first_and_longest() -> None:
    table = cidr.PrefixTable(LISTED)
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
    table = cidr.PrefixTable((one, i) for i, one in enumerate(nets))
    around = [(one, i) for i, one in enumerate(nets) if place in one]
    assert table.first(place) == (around[0] if around else None)
    narrowest = max(around, key=lambda hit: hit[0].prefixlen, default=None)
    assert table.longest(place) == narrowest


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("10.0.0.1", "10.0.0.1"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("FD00:0:0::A", "fd00::a"),
        ("fe80::1%eth0", "fe80::1"),
        ("010.0.0.1", "010.0.0.1"),
        ("02:aa:00:00:00:01", "02:aa:00:00:00:01"),
        ("", ""),
    ],
)
def test_canonical(text: str, canonical: str) -> None:
    """Every form of an address has one text; other texts stay as they are."""
    assert cidr.canonical(text) == canonical
    column = pl.Series(["fd00::a", None, text, text])
    expected = ["fd00::a", None, canonical, canonical]
    assert cidr.canonical_texts(column).to_list() == expected
    assert cidr.canonical_texts(column.clear()).to_list() == []


@pytest.mark.parametrize(
    ("literal", "expected"),
    [
        ("FD00:0::A", [True, True, False, None]),
        ("fd00::a", [True, True, False, None]),
        ("a:b", [False, False, True, None]),
        ("", [False, False, False, None]),
    ],
)
def test_equals(literal: str, expected: list[bool | None]) -> None:
    """A text is compared as an address where it is one."""
    flows = pl.DataFrame({"text": ["fd00::a", "fd00:0:0:0:0:0:0:a", "a:b", None]})
    assert flows.select(cidr.equals(pl.col("text"), literal)).to_series().to_list() == expected
