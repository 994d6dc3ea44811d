"""The fields that stages look up when nothing else is asked for."""

from __future__ import annotations

from pipeline.stage.address_field import AddressField, both


def test_both_addresses_of_a_flow() -> None:
    assert both("ASN") == [AddressField("SrcAddr", "SrcASN"), AddressField("DstAddr", "DstASN")]
