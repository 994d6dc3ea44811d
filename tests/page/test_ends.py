"""Keys of edges, and what a coarser one stands for."""

from __future__ import annotations

import json

import polars as pl
import pytest

from matrix.approved import KEY
from page import ends
from tests.support.edge_rows import edge, frame

EDGES = frame(
    edge("node:n1", "shop/web", 80),
    edge("node:n2", "shop/web", 80),
    edge("shop/web", "shop/db", 5432),
    edge("shop/web", "label:partner"),
    edge("10.0.0.1", "shop/web", 80),
    edge("10.0.0.2", "shop/web", 80),
    edge("shop/web", "shop/db", None, protocol="ICMP"),
)


def keyed(client: str, server: str, port: int | None, protocol: str = "TCP") -> list[object]:
    row = edge(client, server, port, protocol=protocol)
    return [row[name] for name in KEY]


@pytest.mark.parametrize(
    ("key", "places"),
    [
        (keyed("node:n1", "shop/web", 80), [0]),
        (["Node", "", "", "", "", *keyed("node:n1", "shop/web", 80)[5:]], [0, 1]),
        (keyed("shop/web", "shop/db", 5432), [2]),
        (keyed("shop/web", "shop/db", None, "ICMP"), [6]),
        (keyed("shop/web", "label:partner", 443), [3]),
        (keyed("10.0.0.2", "shop/web", 80), [5]),
        (["", "", "", "", "", *keyed("10.0.0.1", "shop/web", 80)[5:]], [4, 5]),
        (["", "shop", "", "", "", "", "shop", "", "", "", "", None], [2, 6]),
        (["", "shop", "", "", "", "", "", "", "", "", "", None], []),
        (keyed("shop/web", "shop/db", 5433), []),
    ],
)
def test_a_key_stands_for_edges(key: list[object], places: list[int]) -> None:
    """A node without name is any node, a namespace all in it, nothing any unlabelled address."""
    numbered = EDGES.with_row_index("place")
    found = numbered.filter(ends.fits(ends.read(json.dumps(key))))
    assert found["place"].to_list() == places


@pytest.mark.parametrize("text", ["", "x", "[]", '["a"]', json.dumps(["a"] * 12), "[" * 5000])
def test_what_is_no_key_is_told(text: str) -> None:
    with pytest.raises(ValueError, match="is not the key of an edge"):
        ends.read(text)


def test_any_node_has_no_name() -> None:
    assert EDGES.select(ends.any_node("client")).to_series().to_list()[:3] == ["", "", "web"]


def test_a_workload_is_approved_without_its_label() -> None:
    rows = frame(edge("shop/web", "label:x", client_label="Pods"))
    row = rows.select(ends.as_approved(f"{side}_label") for side in ends.SIDES)
    assert row.rows() == [("", "x")]
    assert rows.select(ends.as_approved("port")).item() == pl.Series([443]).item()
