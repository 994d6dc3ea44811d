"""One edge as a document."""

from __future__ import annotations

import json

import pytest

from matrix.approved import approve
from page.edge import Asked, edge
from page.ends import KEY
from pipeline.api.server import UnansweredError
from tests.support import edge_rows
from tests.support.edge_rows import frame
from tests.support.seen import seen

ROWS = [
    edge_rows.edge("node:n1", "shop/web", 80, days=["2026-05-01"], state="attempted"),
    edge_rows.edge("node:n2", "shop/web", 80, days=["2026-05-02"], services=["shop/web:80"]),
    edge_rows.edge("shop/web", "shop/db", 5432, evidence="declared"),
]
EDGES = frame(*ROWS)


def asked(place: int, **other: str) -> Asked:
    row = ROWS[place] | other
    return Asked(json.dumps([row[name] for name in KEY]))


def test_an_edge_is_given_whole() -> None:
    found = edge(seen(EDGES), None, asked(2))
    assert (found.shown, found.total, len(found.each)) == ("established", 1, 1)
    assert found.edge is not None
    assert (found.edge.evidence, found.edge.port, found.edge.flows) == ("declared", 5432, 10)


def test_all_nodes_are_added_up() -> None:
    found = edge(seen(EDGES), None, asked(0, client_workload=""))
    assert found.total == 2
    assert [one.client_workload for one in found.each] == ["n1", "n2"]
    assert found.edge is not None
    assert (found.edge.client_kind, found.edge.client_workload) == ("Node", "")
    assert (found.edge.flows, found.edge.days) == (20, ["2026-05-01", "2026-05-02"])
    assert (found.edge.state, found.shown) == ("established", "established")


def test_what_is_new_or_gone() -> None:
    known = approve(EDGES.slice(2, 1))
    assert edge(seen(EDGES), known, asked(1)).shown == "new"
    gone = edge(seen(EDGES.head(2)), known, asked(2))
    assert (gone.shown, gone.edge, gone.total, gone.each) == ("gone", None, 0, [])


@pytest.mark.parametrize(
    ("question", "status"), [(Asked("x"), 400), (asked(2, server_workload="other"), 404)]
)
def test_what_cannot_be_answered(question: Asked, status: int) -> None:
    with pytest.raises(UnansweredError) as caught:
        edge(seen(EDGES), None, question)
    assert caught.value.status == status
