"""The table of edges: states as the matrix has them, whatever is made one."""

from __future__ import annotations

from collections import Counter

import polars as pl
import pytest

from matrix.approved import Approved, approve
from matrix.select import Collapse
from page.matrix import Asked as MatrixAsked
from page.matrix import CellState, MatrixPage, matrix
from page.query import asked
from page.table import TablePage, table
from tests.support.edge_rows import edge, frame
from tests.support.seen import reference_seen, seen

NOW = frame(
    edge("shop/web", "shop/db", 5432),
    edge("shop/web", "label:EXT:S3", 443),
    edge("rogue/x", "shop/db", 5432),
    edge("rogue/x", "shop/db", 22, state="attempted"),
    edge("node:n1", "shop/web", 8080),
    edge("node:n2", "shop/web", 8080),
    edge("node:n2", "shop/web", 9090),
    edge("shop/job", "203.0.113.9", None, protocol="ICMP"),
)
BEFORE = approve(
    frame(
        edge("shop/web", "shop/db", 5432),
        edge("shop/web", "label:EXT:S3", 443),
        edge("node:n1", "shop/web", 8080),
        edge("shop/old", "shop/db", 5432),
    )
)


def states(known: Approved | None = BEFORE, **query: str) -> list[tuple[str, str]]:
    """What the client of each row is called, and its state."""
    found: TablePage = table(seen(NOW), known, query)
    return [
        (row.client_workload or row.client_namespace, shown.value)
        for row, shown in zip(found.rows, found.shown, strict=True)
    ]


def test_each_row_has_the_state_of_its_cell() -> None:
    assert sorted(states()) == [
        ("job", "new"),
        ("n1", "established"),
        ("n2", "established"),
        ("n2", "new"),
        ("web", "established"),
        ("web", "established"),
        ("x", "attempted"),
        ("x", "new"),
    ]
    assert {state for _, state in states(known=None)} == {"established", "attempted"}


def test_what_is_filtered_away_is_in_no_state() -> None:
    """The edges that are made one are those that were asked for."""
    assert states(collapse="namespaces", port="22", namespace="rogue") == [("rogue", "attempted")]
    assert states(collapse="namespaces", namespace="rogue") == [("rogue", "new")]
    assert states(query="port = 9090") == [("n2", "new")]
    assert states(port="1") == []


@pytest.mark.parametrize("collapse", [None, *Collapse])
def test_the_table_says_what_the_matrix_says(collapse: Collapse | None) -> None:
    """The reference scenario: a cell for each row, but where a row has a protocol by itself."""
    about = reference_seen()
    known = approve(about.edges().filter(pl.col("server_workload") != "loki-gateway"))
    merged = {"collapse": collapse.value} if collapse else {}
    found = table(about, known, merged)
    cells: MatrixPage = matrix(about, known, asked(merged, MatrixAsked))
    there = Counter(cells.states[place] for place in cells.cells.state)
    rows = Counter(found.shown)
    assert rows[CellState.NEW]
    if collapse is not Collapse.NAMESPACES:
        assert rows == there
    assert set(rows) == set(there) - {CellState.GONE}
