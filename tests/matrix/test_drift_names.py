"""The edges of a drift by name, and those of several workers put together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matrix import drift_names
from matrix.approved import Approved, approve, drift
from matrix.drift_names import differing, seen
from tests.support.edge_rows import edge, frame

Named = dict[tuple[str, ...], float]
NOW = [
    edge("shop/web", "shop/db", 5432),
    edge("shop/web", "label:EXT:S3"),
    edge("node:n1", "shop/web", 8080),
    edge("data/etl", "shop/db", 5432),
    edge("shop/web", "data/etl", 80),
]
APPROVED = approve(frame(*NOW[:3], edge("shop/web", "shop/cache", 6379)), ["shop"])


def merged(parts: Iterable[Mapping[tuple[str, ...], float]]) -> Named:
    """The maximum over workers, as a query has it."""
    found: Named = {}
    for part in parts:
        for key, value in part.items():
            found[key] = max(value, found.get(key, value))
    return found


def of(edges: pl.DataFrame, approved: Approved = APPROVED) -> tuple[Named, Named]:
    found = drift(edges, approved)
    return differing(found, approved.namespaces), seen(found, approved)


def test_every_edge_by_name() -> None:
    """For the namespaces that are approved; those of both ends without any."""
    differ, there = of(frame(*NOW))
    assert differ == {
        ("shop", "new", "data/etl -> shop/db 5432/TCP"): 1,
        ("shop", "new", "shop/web -> data/etl 80/TCP"): 1,
    }
    assert there == {
        ("shop", "(nodes) -> shop/web 8080/TCP"): 1,
        ("shop", "shop/web -> EXT:S3 443/TCP"): 1,
        ("shop", "shop/web -> shop/cache 6379/TCP"): 0,
        ("shop", "shop/web -> shop/db 5432/TCP"): 1,
    }
    differ, _ = of(frame(NOW[4]), Approved())
    assert {space for space, *_ in differ} == {"data", "shop"}


@given(st.lists(st.sets(st.integers(0, 2), min_size=1), min_size=len(NOW), max_size=len(NOW)))
def test_workers_together_say_what_one_would(owners: list[set[int]]) -> None:
    """However edges are spread over them, some maybe to several: new and gone ones are the same."""
    parts = [
        of(frame(*(row for row, who in zip(NOW, owners, strict=True) if worker in who)))
        for worker in range(3)
    ]
    assert (merged(p[0] for p in parts), merged(p[1] for p in parts)) == of(frame(*NOW))


def test_there_are_not_more_names_than_the_limit(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(drift_names, "MOST", 2)
    differ, there = of(frame(*NOW))
    assert (len(differ), len(there)) == (2, 2)
    assert "edges of a drift by name" in caplog.text
