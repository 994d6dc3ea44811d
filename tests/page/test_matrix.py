"""The matrix as a document."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from matrix.approved import Approved, approve
from matrix.edges import State
from page.ends import KEY
from page.matrix import Asked, CellState, Direction, Ends, MatrixPage, marked, matrix
from tests.support.edge_rows import edge, frame
from tests.support.reference_edges import edges as reference_edges
from tests.support.seen import seen

EDGES = frame(
    edge("node:n1", "shop/web", 80, flows=1, reply_flows=2, bytes=10, reply_bytes=20),
    edge("node:n2", "shop/web", 80, flows=3, reply_flows=0, bytes=5),
    edge("shop/web", "shop/db", 5432, client_label="Pods"),
    edge("shop/web", "label:partner", state="denied"),
    edge("mon/prom", "shop/web", 9090, state="attempted"),
    edge("10.0.0.9", "shop/web", 80, state="uncertain"),
    edge("mon/prom", "mon/prom", 9091),
)


def shown(found: MatrixPage) -> dict[tuple[str, str, int | None], str]:
    """The state of each cell by the names of its ends, and its port."""
    cells = found.cells
    return {
        (called(found.clients[row]), called(found.servers[column]), found.servers[column].port): (
            found.states[state].value
        )
        for row, column, state in zip(cells.row, cells.column, cells.state, strict=True)
    }


def called(end: Any) -> str:
    return end.workload or end.label or end.address or end.namespace or end.kind or "outside"


def test_each_cell_says_what_became_of_its_connections() -> None:
    found = matrix(seen(EDGES), None, Asked())
    assert shown(found) == {
        ("n1", "web", 80): "established",
        ("n2", "web", 80): "established",
        ("web", "db", 5432): "established",
        ("web", "partner", 443): "denied",
        ("prom", "web", 9090): "attempted",
        ("10.0.0.9", "web", 80): "uncertain",
        ("prom", "prom", 9091): "established",
    }
    assert found.namespaces == ["mon", "shop"]
    assert not found.approved


def test_the_order_is_workloads_nodes_labels_addresses() -> None:
    found = matrix(seen(EDGES), None, Asked())
    assert [called(one) for one in found.clients] == ["prom", "web", "n1", "n2", "10.0.0.9"]
    assert [called(one) for one in found.servers][-1] == "partner"


@pytest.mark.parametrize(
    ("direction", "ends"),
    [
        (Direction.INGRESS, {"n1", "n2", "prom", "10.0.0.9"}),
        (Direction.EGRESS, {"web"}),
        (Direction.INSIDE, {"web"}),
        (None, {"n1", "n2", "prom", "10.0.0.9", "web"}),
    ],
)
def test_directions_of_a_namespace(direction: Direction | None, ends: set[str]) -> None:
    found = matrix(seen(EDGES), None, Asked(namespace="shop", direction=direction))
    assert {client for client, _, _ in shown(found)} == ends
    assert found.namespaces == ["mon", "shop"], "those to choose from stay"


def test_collapsed_nodes_are_one_row_with_the_sums() -> None:
    found = matrix(seen(EDGES), None, Asked(namespace="shop", collapse=Ends.NODES))
    row = next(place for place, one in enumerate(found.clients) if one.kind == "Node")
    (at,) = [place for place, own in enumerate(found.cells.row) if own == row]
    assert found.clients[row].workload == ""
    cells = found.cells
    assert (cells.edges[at], cells.flows[at], cells.bytes[at]) == (2, 6, 35)


@pytest.mark.parametrize(
    ("collapse", "clients", "servers"),
    [
        (Ends.WORKLOADS, {"mon", "shop", "Node", "10.0.0.9"}, {"shop", "mon", "partner"}),
        (Ends.NAMESPACES, {"mon", "shop", "Node", "outside"}, {"shop", "mon", "partner"}),
    ],
)
def test_collapsed_namespaces(collapse: Ends, clients: set[str], servers: set[str]) -> None:
    found = matrix(seen(EDGES), None, Asked(collapse=collapse))
    assert {called(one) for one in found.clients} == clients
    assert {called(one) for one in found.servers} == servers
    with_port = {one.port for one in found.servers} != {None}
    assert with_port == (collapse is Ends.WORKLOADS)


def test_a_cell_shows_the_most_remarkable_of_its_edges() -> None:
    rows = frame(
        edge("shop/web", "shop/db", 1),
        edge("shop/web", "shop/db", 2, state="attempted"),
        edge("shop/web", "shop/db", 3, state="denied"),
    )
    for number, state in ((1, "established"), (2, "established"), (3, "denied")):
        found = matrix(seen(rows.head(number)), None, Asked(collapse=Ends.NAMESPACES))
        assert list(shown(found).values()) == [state]


def test_what_differs_from_the_approved_matrix() -> None:
    """New, anomalous and gone; a mere attempt or a denied edge is not new."""
    before = frame(
        edge("node:n7", "shop/web", 80),
        edge("shop/web", "shop/old", 1, client_label="Pods"),
        edge("shop/web", "shop/db", 5432),
    )
    known = approve(before)
    marked_ = [
        one if one.server.workload != "db" else type(one)(**_values(one) | {"anomalous": True})
        for one in known.edges
    ]
    found = matrix(seen(EDGES), Approved(known.namespaces, marked_), Asked(namespace="shop"))
    assert found.approved
    assert shown(found) == {
        ("n1", "web", 80): "established",
        ("n2", "web", 80): "established",
        ("web", "db", 5432): "anomalous",
        ("web", "partner", 443): "denied",
        ("prom", "web", 9090): "attempted",
        ("10.0.0.9", "web", 80): "new",
        ("web", "old", 1): "gone",
    }
    part = seen(EDGES)._replace(whole=False)
    assert "gone" not in shown(matrix(part, known, Asked())).values()


def _values(one: Any) -> dict[str, Any]:
    return {name: getattr(one, name) for name in one.__struct_fields__}


def test_everything_approved_is_as_without_approval() -> None:
    edges = reference_edges()
    plain = matrix(seen(edges), None, Asked(collapse=Ends.NODES))
    known = matrix(seen(edges), approve(edges), Asked(collapse=Ends.NODES))
    assert known.cells == plain.cells
    assert set(shown(plain).values()) == {"established"}


def test_nothing_seen_is_an_empty_matrix() -> None:
    found = matrix(seen(EDGES.clear()), None, Asked(namespace="shop"))
    assert (found.namespaces, found.clients, found.servers, found.cells.row) == ([], [], [], [])
    gone = matrix(seen(EDGES.clear()), approve(EDGES), Asked(namespace="shop"))
    assert set(shown(gone).values()) == {"gone"}
    assert gone.namespaces == ["mon", "shop"]


def test_the_columns_of_what_is_shown() -> None:
    rows = marked(seen(EDGES), None)
    assert rows.columns == [*KEY, "flows", "bytes", "shown"]
    assert rows.schema["shown"] == pl.UInt8
    assert {one.value for one in State} <= {one.value for one in CellState}
