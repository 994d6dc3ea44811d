from __future__ import annotations

import ipaddress

import pytest

from discovery.special import MEANINGS, purpose


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10.1.2.3", "private"),
        ("172.16.0.1", "private"),
        ("172.15.255.255", ""),
        ("192.168.0.1", "private"),
        ("192.0.2.1", "private"),
        ("fd00::1", "private"),
        ("2001:db8::1", "private"),
        ("100.63.255.255", ""),
        ("100.64.0.0", "shared"),
        ("100.127.255.255", "shared"),
        ("100.128.0.0", ""),
        ("127.0.0.1", "loopback"),
        ("::1", "loopback"),
        ("169.254.169.254", "link_local"),
        ("fe80::1", "link_local"),
        ("224.0.0.251", "multicast"),
        ("ff02::fb", "multicast"),
        ("0.0.0.0", "unspecified"),  # noqa: S104 - nothing is bound
        ("::", "unspecified"),
        ("240.0.0.1", "reserved"),
        ("255.255.255.255", "reserved"),
        ("64:ff9b::808:808", "nat64"),
        ("3.5.206.141", ""),
        ("2600:1ffa:8000::1", ""),
    ],
)
def test_purposes(text: str, expected: str) -> None:
    found = purpose(ipaddress.ip_address(text))
    assert found == expected
    assert not found or MEANINGS[found]
