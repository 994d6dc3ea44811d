"""The flows that `benchmarks.scan` counts."""

from __future__ import annotations

import polars as pl
import pytest

from benchmarks.scan import ADDRESSES, flows
from pipeline.flows import cidr


@pytest.mark.parametrize(
    ("kind", "addresses", "networks"),
    [
        ("calm", 100, 1),
        ("IPv4", 2_000, 8),
        ("IPv6, each in a /64 of its own", 2_000, 2_000),
        ("IPv6, all in one /64", 2_000, 1),
    ],
)
def test_each_address_has_two_flows(kind: str, addresses: int, networks: int) -> None:
    found = pl.concat(flows(kind, 2_000, "10.128.0.2"))
    assert found.height == 4_000
    texts = cidr.canonical_texts(found["SrcAddr"]).unique()
    assert len(texts) == addresses
    around = {cidr.network(text + ("/64" if ":" in text else "/24")) for text in texts}
    assert len(around - {None}) == networks


def test_every_kind_is_in_the_test() -> None:
    assert len(ADDRESSES) == 4
