"""Edges of flows, and those of several workers together."""

from __future__ import annotations

import polars as pl

from page.overview import Overview, edges, merged

FLOWS = pl.DataFrame(
    {
        "SrcAddr": ["10.0.0.1", "10.0.0.2", "10.0.0.1", "10.0.0.9"],
        "DstAddr": ["10.0.0.2", "10.0.0.1", "10.0.0.2", "10.0.0.1"],
        "SrcPort": [40_000, 443, 40_001, None],
        "DstPort": [443, 40_000, 443, None],
        "Proto": [6, 6, 6, 1],
        "Bytes": [100, 5_000, 7, None],
    }
)


def test_both_ways_are_one_edge() -> None:
    web, ping = edges(FLOWS)
    assert web == Overview(
        client="10.0.0.1", protocol=6, port=443, server="10.0.0.2", flows=3, bytes=5_107
    )
    assert (ping.port, ping.flows, ping.bytes) == (None, 1, 0)


def test_the_edges_of_two_workers_are_those_of_one() -> None:
    """However the flows were shared out, the order too."""
    for at in range(5):
        parts = [edges(FLOWS[:at]), edges(FLOWS[at:])]
        assert merged(parts) == edges(FLOWS)
    assert merged([]) == []
