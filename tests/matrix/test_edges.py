"""The schema of edges: what others build on."""

from __future__ import annotations

import polars as pl

from matrix.edges import EDGES, LISTS, NUMBERS, Evidence
from pipeline.stage.edge_facts import CLIENT, SERVER


def test_the_columns() -> None:
    """Both ends, then what tells edges apart, then numbers, why and what, and times."""
    names = EDGES.names()
    assert names[:12] == [*CLIENT, *SERVER, "protocol", "port"]
    assert names[-2:] == ["first_seen", "last_seen"]
    assert all(EDGES[name] == pl.Int64 for name in (*NUMBERS, "sampling"))
    assert all(EDGES[name] == pl.List(pl.String) for name in LISTS)


def test_evidence_is_ordered() -> None:
    """The strongest comes first: edges are merged by that."""
    order = ["syn", "syn_ack", "echo", "declared", "first", "well_known", "fan_in", "uncertain"]
    assert [one.value for one in Evidence] == order
