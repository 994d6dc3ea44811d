"""The keys that keep conversations together."""

from __future__ import annotations

from ipaddress import ip_address

import polars as pl

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
