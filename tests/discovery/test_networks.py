from __future__ import annotations

import ipaddress

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from discovery import networks

ADDRESSES = st.ip_addresses()
NETWORKS = st.builds(
    lambda place, length: str(
        ipaddress.ip_network((place, length % (place.max_prefixlen + 1)), strict=False)
    ),
    ADDRESSES,
    st.integers(0, 128),
)


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("10.1.2.3", "10.1.2.3/32"),
        ("10.1.2.3/8", "10.0.0.0/8"),
        ("2001:DB8::1", "2001:db8::1/128"),
        ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
        ("fe80::1%eth0", "None"),
        ("10.0.0.0/33", "None"),
        ("__overflow__", "None"),
        ("", "None"),
    ],
)
def test_addresses_and_cidrs(text: str, read: str) -> None:
    assert str(networks.network(text)) == read


@given(st.lists(NETWORKS, max_size=12), st.lists(NETWORKS, max_size=12))
def test_pairs_are_those_of_the_standard_library(inner: list[str], outer: list[str]) -> None:
    def numbered(texts: list[str]) -> pl.DataFrame:
        return networks.numbered(pl.Series(texts, dtype=pl.String())).drop("text")

    expected = {
        (a, b)
        for a in inner
        for b in outer
        if (x := ipaddress.ip_network(a)).version == (y := ipaddress.ip_network(b)).version
        and int(y.network_address) <= int(x.network_address)
        and int(x.broadcast_address) <= int(y.broadcast_address)
    }
    # What is mapped to IPv4 is another network than the standard library has.
    kept = [
        {text for text in texts if str(networks.network(text)) == text} for texts in (inner, outer)
    ]
    expected = {(a, b) for a, b in expected if a in kept[0] and b in kept[1]}
    outside = numbered(sorted(kept[1])).rename({"cidr": "around"})
    pairs = networks.containing(numbered(sorted(kept[0])), outside)
    assert set(pairs.select("cidr", "around").rows()) == expected


def test_ipv4_is_not_in_a_range_of_ipv6() -> None:
    inner = networks.numbered(pl.Series(["10.0.0.1"])).drop("text")
    outer = networks.numbered(pl.Series(["::/0"])).select(pl.exclude("text", "cidr"))
    assert networks.containing(inner, outer).height == 0


def test_nested_networks_are_counted_once() -> None:
    texts = ["10.0.0.0/24", "10.0.0.0/25", "10.0.0.7", "10.0.1.0/24", "2001:db8::/127"]
    assert networks.size(texts) == 512 + 2
    assert networks.outermost(reversed(texts)) == ["10.0.0.0/24", "10.0.1.0/24", "2001:db8::/127"]


def test_order_is_that_of_addresses() -> None:
    texts = ["2001:db8::1", "10.0.0.2", "9.0.0.0/8", "10.0.0.0/8", "10.0.0.0/24", "x", "10.0.0.2"]
    expected = ["9.0.0.0/8", "10.0.0.0/8", "10.0.0.0/24", "10.0.0.2", "2001:db8::1"]
    assert networks.ordered(texts) == expected


def test_what_is_beyond_other_networks() -> None:
    assert networks.beyond(["10.0.0.0/24", "11.0.0.0/24", "10.0.0.0/7"], ["10.0.0.0/8"]) == [
        "10.0.0.0/7",
        "11.0.0.0/24",
    ]
