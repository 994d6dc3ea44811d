"""Flows whose addresses changed hands, and what both ends of flows are looked up for."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl
import pytest

from pipeline import limits
from pipeline.kube.api import objects
from pipeline.kube.api.objects import Object
from pipeline.kube.columns import Copied
from pipeline.kube.enrich import EndFields, Enricher
from pipeline.kube.index.entries import IndexOptions
from pipeline.kube.index.history import Held
from pipeline.kube.index.index import Index
from tests.kube.watching import CLIMB

NOW, WINDOW = 1_000_000, 60.0


def enriched(index: Index, *ended: int | None) -> None:
    """Enrich flows that ended then (ms)."""
    schema = {"SrcAddr": pl.String, "TimeFlowEndMs": pl.Int64}
    rows = [("10.0.0.1", at) for at in ended]
    Enricher(EndFields("SrcAddr", "SrcK8S"), index, CLIMB)(
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


def pod(name: str, address: str) -> Object:
    """A pod of the shop."""
    return objects.of(
        {
            "kind": "Pod",
            "metadata": {"name": name, "namespace": "shop"},
            "spec": {},
            "status": {"podIP": address},
        }
    )


BOTH = (EndFields("SrcAddr", "SrcK8S"), EndFields("DstAddr", "DstK8S"))


def test_ends_that_are_alike_look_an_address_up_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """And both follow the index, also when only the first one has had a flow meanwhile."""
    index, asked = Index([pod("a", "10.0.0.1")]), list[str]()
    held = index.held

    def noted(addresses: Iterable[str]) -> Held:
        asked.extend(known := list(addresses))
        return held(known)

    monkeypatch.setattr(index, "held", noted)
    source = Enricher(BOTH[0], index, CLIMB)
    destination = Enricher(BOTH[1], index, CLIMB, other=source)

    def names(source_address: str, destination_address: str) -> tuple[object, ...]:
        flow = pl.DataFrame({"SrcAddr": [source_address], "DstAddr": [destination_address]})
        (row,) = destination(source(flow)).select("SrcK8S_Name", "DstK8S_Name").rows()
        return row

    assert names("10.0.0.1", "10.0.0.2") == ("a", None)
    assert names("10.0.0.2", "10.0.0.1") == (None, "a")
    assert sorted(asked) == ["10.0.0.1", "10.0.0.2"]
    index.add(pod("b", "10.0.0.2"))
    source(pl.DataFrame({"SrcAddr": ["10.0.0.2"]}))
    index.remove("Pod", "shop", "a")
    assert names("10.0.0.2", "10.0.0.1") == ("b", None)
    for number in range(20_000):  # more than the index logs: everything is looked up again
        index.add(pod("c", f"10.9.{number // 250}.{number % 250}"))
    assert names("10.9.79.249", "10.0.0.2") == ("c", "b")
    assert names("10.0.0.1", "10.9.79.249") == (None, "c")


@pytest.mark.parametrize(
    ("other", "needed"),
    [
        (EndFields("DstAddr", "DstK8S", zone=True), None),
        (EndFields("DstAddr", "DstK8S", mac="DstMac"), None),
        (EndFields("DstAddr", "DstK8S", labels=Copied(prefix="DstL")), None),
        (
            EndFields("DstAddr", "destination.", assignee="otel"),
            frozenset({"destination.k8s.name"}),
        ),
        (EndFields("DstAddr", "DstK8S"), frozenset({"SrcK8S_Name", "DstK8S_Type"})),
    ],
)
def test_ends_that_differ_have_lookups_of_their_own(
    other: EndFields, needed: frozenset[str] | None
) -> None:
    source = Enricher(BOTH[0], Index(), CLIMB, needed)
    assert Enricher(other, Index(), CLIMB, needed, source).memo is not source.memo
