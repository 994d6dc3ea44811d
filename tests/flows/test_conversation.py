"""The keys that keep conversations together."""

from __future__ import annotations

from ipaddress import ip_address

import polars as pl
import pytest

from pipeline.flows import values
from pipeline.flows.conversation import conversations


def test_addresses_are_sorted_in_their_16_byte_form() -> None:
    flows = pl.DataFrame(
        {
            "SrcAddr": ["10.0.0.9", "fd00::1", "::ffff:10.0.0.9", "x", None],
            "DstAddr": ["fd00::1", "10.0.0.9", "fd00::1", "10.0.0.9", "10.0.0.9"],
        }
    )
    four = bytes(10) + b"\xff\xff\x0a\x00\x00\x09"
    pair = four + ip_address("fd00::1").packed
    assert conversations(flows).to_list() == [pair, pair, pair, four + b"x", None]


def test_flows_without_addresses_have_no_key() -> None:
    assert conversations(pl.DataFrame({"Bytes": [1, 2]})).to_list() == [None, None]
    assert conversations(pl.DataFrame()).to_list() == []


def test_an_address_that_is_a_number_is_text() -> None:
    flows = pl.DataFrame({"SrcAddr": [None], "DstAddr": ["b"], values.overflow("SrcAddr"): ["7"]})
    typed = flows.with_columns(pl.col("SrcAddr").cast(pl.String))
    assert conversations(typed).to_list() == [b"7b"]


@pytest.mark.parametrize(
    "text",
    [
        *("1.2.3.4", "255.255.255.255", "0.0.0.1", "01.2.3.4", "1.2.3", "1.2.3.4.5", "1.2.3.256"),
        *("+1.2.3.4", " 1.2.3.4", "1.2.3.4 ", "1.2.3.-4", "1..3.4", "", ".", "...", "1.2.3.4\n"),
        *("::1", "::ffff:1.2.3.4", "1.2.3.4/32", "٣.2.3.4"),
        *("00.0.0.0", "-0.0.0.0", "0.0.0.+", "1.2.3.4.", "1e0.2.3.4", "1.2.3.0x4", "10.2.3.", "::"),
    ],
)
def test_what_is_an_address_of_ipv4(text: str) -> None:
    """As the standard library says; anything else stays a text."""
    flows = pl.DataFrame({"SrcAddr": [text, "9.9.9.9"], "DstAddr": ["::", "::"]})
    try:
        address = ip_address(text)
    except ValueError:
        expected = text.encode()
    else:
        mapped = bytes(10) + b"\xff\xff" if address.version == 4 else b""
        expected = mapped + address.packed
    assert conversations(flows)[0] == b"".join(sorted([expected, bytes(16)]))
