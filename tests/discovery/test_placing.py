"""Each address gets the narrowest service's range, or a network made for it."""

from __future__ import annotations

import ipaddress

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from discovery import networks
from discovery.placing import Rules, place
from tests.discovery.made import AWS, SEEN, known

NONE = known()
NEAR = st.integers(0, 300).map(lambda n: str(ipaddress.ip_address((192 << 24) + (168 << 16) + n)))
ADDRESSES = st.one_of(NEAR, st.ip_addresses().map(str))


def placed(
    *addresses: str, ranges: pl.DataFrame = NONE, rules: Rules | None = None
) -> dict[str, tuple[str, str]]:
    found = place(pl.Series(addresses, dtype=pl.String()), ranges, rules or Rules()).rows
    return {
        address: (name, cidr)
        for address, name, cidr in found.select("address", "name", "cidr").rows()
    }


def test_the_narrowest_service_has_it() -> None:
    ranges = known(*AWS)
    found = place(pl.Series([*SEEN, "13.36.84.60", "2600:1ffa:8000::7"]), ranges, Rules())
    assert set(found.rows.select("name", "cidr").rows()) == {
        ("EXT:AWS_S3_eu-west-3", "3.5.204.0/22"),
        ("EXT:AWS_S3_eu-west-3", "13.36.84.48/28"),
        ("EXT:AWS_S3_eu-west-3", "2600:1ffa:8000::/40"),
    }
    hits = found.hits.filter(pl.col("address") == SEEN[0])
    assert hits["service"].to_list() == ["S3", "EC2", "AMAZON"]


def test_of_nested_ranges_of_a_service_the_narrowest() -> None:
    ranges = known(("10.0.0.0/8", "A", "x", ""), ("10.1.0.0/16", "A", "x", ""))
    assert placed("10.1.2.3", ranges=ranges) == {"10.1.2.3": ("EXT:A_x", "10.1.0.0/16")}


def test_the_order_of_lists_changes_nothing() -> None:
    one, other = ("10.0.0.0/8", "B", "", ""), ("10.0.0.0/8", "A", "", "")
    for ranges in (known(one, other), known(other, one)):
        assert placed("10.1.2.3", ranges=ranges)["10.1.2.3"][0] == "EXT:A"


def test_special_purposes_are_covered_apart() -> None:
    assert placed("100.63.255.255", "100.64.0.0", "224.0.0.251", "169.254.169.254") == {
        "100.63.255.255": ("EXT:ip_100_63_255_255", "100.63.255.255/32"),
        "100.64.0.0": ("EXT:shared_100_64_0_0", "100.64.0.0/32"),
        "224.0.0.251": ("EXT:multicast_224_0_0_251", "224.0.0.251/32"),
        "169.254.169.254": ("EXT:link_local_169_254_169_254", "169.254.169.254/32"),
    }


def test_a_network_beyond_the_limit_stays_and_takes_its_addresses() -> None:
    """It is never made wider, and no block overlaps it."""
    net = ("EXT:net_8_8_8_0_24", "8.8.8.0/24")
    found = placed("8.8.8.0/24", "8.8.8.7", "8.8.9.0", "8.8.7.255")
    assert found["8.8.8.0/24"] == found["8.8.8.7"] == net
    assert found["8.8.9.0"] == ("EXT:ip_8_8_9_0", "8.8.9.0/32")


def test_a_range_must_have_the_whole_network() -> None:
    ranges = known(("8.8.8.0/25", "A", "", ""), ("9.0.0.0/8", "A", "", ""))
    found = placed("8.8.8.0/24", "9.9.9.0/24", ranges=ranges)
    assert found["8.8.8.0/24"][1] == "8.8.8.0/24"
    assert found["9.9.9.0/24"] == ("EXT:A", "9.0.0.0/8")


def test_rules() -> None:
    near = ("192.0.2.0", "192.0.2.3")
    assert {cidr for _, cidr in placed(*near).values()} == {"192.0.2.0/30"}
    assert len(set(placed(*near, rules=Rules(spread=1)).values())) == 2
    taken = Rules(taken=(ipaddress.ip_network("192.0.2.1/32"),))
    assert len(set(placed(*near, rules=taken).values())) == 2
    assert placed("8.8.8.8", rules=Rules(prefix="")) == {"8.8.8.8": ("ip_8_8_8_8", "8.8.8.8/32")}


@given(st.lists(ADDRESSES, max_size=40))
def test_every_address_is_placed_once_and_inside(addresses: list[str]) -> None:
    ranges = known(("192.168.0.64/26", "A", "", ""), ("::/1", "B", "", ""))
    rows = place(pl.Series(addresses, dtype=pl.String()), ranges, Rules()).rows
    assert sorted(rows["address"].to_list()) == sorted(set(addresses))
    for address, cidr in rows.select("address", "cidr").rows():
        assert networks.beyond([address], [cidr]) == []
