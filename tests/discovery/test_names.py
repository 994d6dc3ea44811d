from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from discovery import names


@pytest.mark.parametrize(
    ("parts", "prefix", "expected"),
    [
        (("AWS", "S3", "eu-west-3"), "EXT:", "EXT:AWS_S3_eu-west-3"),
        (("AWS", "S3", "eu-west-3"), "", "AWS_S3_eu-west-3"),
        (("Cloudflare", "", ""), "EXT:", "EXT:Cloudflare"),
        (("Azure", "AzureFrontDoor.Frontend", ""), "EXT:", "EXT:Azure_AzureFrontDoor_Frontend"),
        (("10-our ranges", "", ""), "", "_10-our_ranges"),
        (("a" * 300,), "EXT:", "EXT:" + "a" * 249),
    ],
)
def test_names(parts: tuple[str, ...], prefix: str, expected: str) -> None:
    assert names.name(*parts, prefix=prefix) == expected


@given(st.lists(st.text(), min_size=1, max_size=3), st.sampled_from(["", "EXT:", "our-"]))
def test_a_name_is_always_valid(parts: list[str], prefix: str) -> None:
    assert names.is_valid(names.name(*parts, prefix=prefix))


@given(st.ip_addresses(), st.integers(0, 128), st.sampled_from(["", "private"]))
def test_a_network_has_a_valid_name(
    place: ipaddress.IPv4Address | ipaddress.IPv6Address, length: int, why: str
) -> None:
    net = ipaddress.ip_network((place, length % (place.max_prefixlen + 1)), strict=False)
    assert names.is_valid(names.of_network(net, why))
