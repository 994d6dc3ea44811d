"""Addresses of a Record as text (docs/reference/decoding.md#flow)."""

from __future__ import annotations

import ipaddress
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.decode import addresses
from pipeline.flows import cidr
from tests.support.records import UNSET, one, record

IP = pl.Struct({"ipv4": pl.UInt32, "ipv6": pl.Binary})
ZERO, ONE = bytes(16), bytes(15) + b"\x01"
MAPPED = bytes(10) + b"\xff\xff"


def ips(*cells: tuple[int | None, bytes | None] | None) -> pl.DataFrame:
    """A column `ip` of `IP` messages; None where the message is absent."""
    told = [cell and dict(zip(("ipv4", "ipv6"), cell, strict=True)) for cell in cells]
    return pl.DataFrame({"ip": pl.Series(told, dtype=IP)})


def test_a_column_with_addresses_of_both_families() -> None:
    frame = ips((0x0A000001, None), (0xFFFFFFFF, None), (None, ONE), (None, None), None)
    texts = frame.select(addresses.ip_text(pl.col("ip"))).to_series()
    assert texts.to_list() == ["10.0.0.1", "255.255.255.255", "::1", UNSET, UNSET]
    assert texts.dtype == pl.String


def test_an_ipv4_address_mapped_into_ipv6_prints_as_ipv4() -> None:
    frame = ips((None, MAPPED + bytes([10, 0, 0, 1])), (None, bytes(12) + bytes([10, 0, 0, 1])))
    texts = frame.select(addresses.ip_text(pl.col("ip"))).to_series()
    assert texts.to_list() == ["10.0.0.1", "::a00:1"]


def test_is_set_only_when_an_address_is_not_zero() -> None:
    frame = ips(
        *((0x0A000001, None), (None, ONE), (None, ONE + b"rest")),
        *((0, None), (None, ZERO), (None, MAPPED + bytes(4)), (None, ZERO + b"\x01"), None),
    )
    found = frame.select(addresses.is_set(pl.col("ip"))).to_series().to_list()
    assert found == [True] * 3 + [False] * 5


def test_faults_of_addresses() -> None:
    """Too short, or of both families; one that is long enough, or unset, has no fault."""
    frame = ips((None, b""), (None, bytes(15)), (7, ONE), (7, None), (None, ONE + b"x"), None)
    found = frame.select(addresses.fault(pl.col("ip"))).to_series().to_list()
    assert found == [
        "an IPv6 address of 0 bytes",
        "an IPv6 address of 15 bytes",
        "an address of both families",
        None,
        None,
        None,
    ]


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0x0A580A80020E, "0a:58:0a:80:02:0e"),
        (0, "00:00:00:00:00:00"),
        (2**48 - 1, "ff:ff:ff:ff:ff:ff"),
        (2**48 + 1, "00:00:00:00:00:01"),
        (2**64 - 1, "ff:ff:ff:ff:ff:ff"),
    ],
)
def test_a_mac_address_is_the_low_48_bits_most_significant_first(number: int, text: str) -> None:
    frame = pl.DataFrame({"mac": pl.Series([number], dtype=pl.UInt64)})
    assert frame.select(addresses.mac_text(pl.col("mac"))).item() == text


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"", "<nil>"),
        (bytes([10, 0, 0, 1]), "10.0.0.1"),
        (b"\x01\x02\xff", "?0102ff"),
        (bytes(10) + b"\xff\xff\x0a\x00\x00\x01", "10.0.0.1"),
        (bytes(15) + b"\x01", "::1"),
        (bytes(17), "?" + "00" * 17),
    ],
)
def test_agent_address_of_any_length(raw: bytes, text: str) -> None:
    assert one(record(agent_ip={"ipv6": raw}))["AgentIP"] == text
    assert addresses.ip_name(raw) == text


@given(st.lists(st.sampled_from([0, 0, 1, 0x20, 0xDB8, 0xFFFF]), min_size=8, max_size=8))
def test_ipv6_addresses_have_their_canonical_text(groups: list[int]) -> None:
    raw = b"".join(group.to_bytes(2) for group in groups)
    assert addresses.ip_name(raw) == cidr.canonical(str(ipaddress.IPv6Address(raw)))


def test_of_a_long_address_the_first_16_bytes_count() -> None:
    message = record()
    message.network.src_addr.ipv6 = bytes(15) + b"\x01" + b"rest"
    assert one(message)["SrcAddr"] == "::1"


def test_nat_with_a_zero_ipv6_address_is_ignored() -> None:
    zero, other = {"ipv6": bytes(16)}, {"ipv6": bytes(15) + b"\x01"}
    mapped = {"ipv6": bytes(10) + b"\xff\xff" + bytes(4)}
    pairs: list[tuple[dict[str, Any], dict[str, Any]]] = [(zero, other), (other, mapped)]
    for src, dst in (*pairs, ({}, other)):
        assert "XlatSrcAddr" not in one(record(xlat={"src_addr": src, "dst_addr": dst}))
    assert one(record(xlat={"src_addr": other, "dst_addr": other}))["XlatDstAddr"] == "::1"
