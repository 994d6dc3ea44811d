"""Flows whose addresses changed hands: how far back it is known who had them."""

from __future__ import annotations

import polars as pl
import pytest

from pipeline import limits
from pipeline.kube.enrich import End, Enricher
from pipeline.kube.index.entries import IndexOptions
from pipeline.kube.index.index import Index
from tests.kube.watching import CLIMB

NOW, WINDOW = 1_000_000, 60.0


def enriched(index: Index, *ended: int | None) -> None:
    """Enrich flows that ended then (ms)."""
    schema = {"SrcAddr": pl.String, "TimeFlowEndMs": pl.Int64}
    rows = [("10.0.0.1", at) for at in ended]
    Enricher(End("SrcAddr", "SrcK8S"), index, CLIMB)(
        pl.DataFrame(rows, schema=schema, orient="row")
    )


def watched(window: float = WINDOW) -> Index:
    """An index that follows a cluster, at NOW."""
    index = Index(options=IndexOptions(window=window))
    index.expire(NOW)
    return index


def test_flows_within_the_window_are_told_apart() -> None:
    """Flows without a time, or with none that can be meant, belong to who has the address now."""
    enriched(watched(), NOW - 60_000, NOW, None, 0, -5)
    assert limits.in_effect() == []


def test_flows_from_before_the_window_are_said_once() -> None:
    index = watched()
    enriched(index, NOW, NOW - 60_001)
    enriched(index, NOW - 90_000)
    (said,) = limits.in_effect()
    assert said.startswith("flows ended more than 60 s before they were looked up: their addresses")


@pytest.mark.parametrize("index", [Index(options=IndexOptions(window=60.0)), watched(0.0)])
def test_an_index_that_forgets_nobody_says_nothing(index: Index) -> None:
    """Of a file that says who had an address when, or one that knows no past at all."""
    enriched(index, 1)
    assert limits.in_effect() == []
