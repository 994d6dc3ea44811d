"""Tables of edges on terminals."""

from __future__ import annotations

import pytest

from matrix.edge_screen import edges_on_screen, summary_on_screen
from matrix.select import summary
from tests.support.edge_rows import edge, frame

NODE = "node:ip-10-0-70-179.eu-west-3.compute.internal"
EDGES = frame(
    edge("netobserv/flowlogs-pipeline", "noo-loki/loki-query-frontend-http", bytes=5_000_000),
    edge("netobserv/flowlogs-pipeline", NODE, 6443, evidence="declared"),
    edge("netobserv/plugin", "label:EXT:S3", services=["a/b:443"], bytes=999),
    edge("netobserv/plugin", "3.5.204.7", None, protocol="ICMP", state="uncertain"),
)


def test_at_200_columns_nothing_that_is_known_is_left_out() -> None:
    lines = edges_on_screen(EDGES, 200, "Edges").splitlines()
    assert max(map(len, lines)) <= 200
    assert lines[0] == "Edges"
    assert lines[2].split("  ")[0] == "client"
    for title in ("server", "port", "state", "bytes", "flows", "opened", "evidence", "through"):
        assert title in lines[2]
    assert "last seen" in lines[2]
    assert "refused" not in lines[2]
    assert "4.8 MiB" in lines[3]
    assert "999 B" in lines[5]


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    text = edges_on_screen(EDGES, width, home="netobserv")
    assert max(map(len, text.splitlines())) <= width
    assert "netobserv/" not in text
    assert "443/TCP" in text
    assert "ICMP" in text


def test_evidence_stays_when_it_is_asked_for() -> None:
    assert "evidence" not in edges_on_screen(EDGES, 80)
    text = edges_on_screen(EDGES, 80, evidence=True)
    assert max(map(len, text.splitlines())) <= 80
    for title in ("evidence", "opened", "accepted"):
        assert title in text.splitlines()[0]


def test_in_a_pipe_an_edge_is_a_line() -> None:
    assert len(edges_on_screen(EDGES).splitlines()) == 1 + EDGES.height


def test_the_summary_is_a_square_where_it_fits() -> None:
    found = summary(EDGES)
    square = summary_on_screen(found, 120).splitlines()
    assert square[0].split("  ")[0] == "edges from \\ to"
    assert [cell for cell in square[1].split() if cell != "netobserv"] == ["1"] * 4
    lines = summary_on_screen(found, 48).splitlines()
    assert lines[0].split() == ["client", "server", "edges", "flows", "bytes"]
    assert len(lines) == 5
    assert max(map(len, lines)) <= 48


def test_nodes_by_the_first_part_of_their_name() -> None:
    """On a narrow terminal, where that tells them apart; a workload keeps its dots."""
    other = "node:ip-10-0-31-28.eu-west-3.compute.internal"
    rows = [edge(NODE, "shop/web.v1", 80), edge("shop/web.v1", other, 6443)]
    text = edges_on_screen(frame(*rows), 80)
    assert [line.split()[:2] for line in text.splitlines()[1:]] == [
        ["ip-10-0-70-179", "shop/web.v1"],
        ["shop/web.v1", "ip-10-0-31-28"],
    ]
    assert "ip-10-0-31-28.eu-west-3.compute.internal" in edges_on_screen(frame(*rows), 200)
    alike = [edge("node:a.one", "shop/web", 80), edge("node:a.two", "shop/web", 80)]
    assert "a.one" in edges_on_screen(frame(*alike), 80)
