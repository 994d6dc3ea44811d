"""Pages of edges."""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec
import pytest

from matrix.edge_page import EdgePage, page
from tests.support.edge_rows import edge, frame

EDGES = frame(
    edge("shop/api", "shop/db", 5432),
    edge("shop/web", "label:EXT:S3", 443, state="uncertain"),
    edge("shop/web", "203.0.113.9", 443),
    edge("other/x", "node:n1", None, protocol="ICMP", first_seen=None, last_seen=None),
)


def asked(**query: str) -> EdgePage:
    return page(EDGES, 3, query)


def servers(found: EdgePage) -> list[str]:
    rows = [msgspec.to_builtins(row) for row in found.rows]
    return [row["server_workload"] or row["server_label"] or row["server_address"] for row in rows]


def test_without_a_question_every_edge_is_there() -> None:
    found = asked()
    assert (found.total, found.offset, found.next) == (4, 0, None)
    assert servers(found) == ["db", "EXT:S3", "203.0.113.9", "n1"]
    assert (found.covers.flows, found.covers.beyond) == (80, 3)
    assert found.notes == ["1 edge uncertain: which end is the server is not known"]


def test_pages_have_every_edge_once() -> None:
    seen: list[str] = []
    offset: int | None = 0
    while offset is not None:
        found = asked(limit="3", offset=str(offset))
        assert found.total == 4
        seen += servers(found)
        offset = found.next
    assert seen == servers(asked())
    assert servers(asked(offset="9")) == []


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"namespace": "shop"}, ["db", "EXT:S3", "203.0.113.9"]),
        ({"between": "shop/web,EXT:S3"}, ["EXT:S3"]),
        ({"peer": "203.0.113.0/24"}, ["203.0.113.9"]),
        ({"port": "5432"}, ["db"]),
        ({"only": "unlabelled"}, ["203.0.113.9"]),
        ({"only": "uncertain"}, ["EXT:S3"]),
        ({"since": "2025-10-29T00:00:00Z"}, []),
        ({"until": "2025-10-29T00:00:00+01:00"}, ["db", "EXT:S3", "203.0.113.9"]),
        ({"namespace": "shop", "collapse": "workloads"}, ["", "EXT:S3", "203.0.113.9"]),
        ({"query": 'server_workload = "db" or port = 5432'}, ["db"]),
        ({"query": 'server_address in "203.0.113.0/24"'}, ["203.0.113.9"]),
        ({"query": 'flows > 1000000 and state != "x"'}, []),
    ],
)
def test_questions(query: Mapping[str, str], found: list[str]) -> None:
    assert sorted(servers(page(EDGES, 0, query))) == sorted(found)


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"prt": "1"}, '"prt" is not a parameter: namespace, between, peer, port'),
        ({"port": "x"}, 'port: "x" is not a number'),
        ({"limit": "-1"}, 'limit: "-1" is not a number'),
        ({"between": "a"}, 'between: "a" is not A,B'),
        ({"only": "denid"}, 'only: "denid" is not known; did you mean "denied"'),
        ({"collapse": "x"}, 'collapse: "x" is not known; one of nodes, workloads, namespaces'),
        ({"since": "noon"}, 'since: "noon" is not a time: 2026-05-01T12:00:00Z'),
        ({"until": "2026-05-01"}, 'until: "2026-05-01" has no zone'),
        ({"query": "prt = 1"}, 'query: edges have no column "prt"; did you mean "port"?'),
        ({"query": "with(days)"}, 'query: edges have no column "days"; such as'),
        ({"query": "port ="}, "query: column 7: expected"),
        ({"sort": "byte"}, 'sort: edges have no column "byte" to sort by; did you mean "bytes"?'),
        ({"sort": "-"}, 'sort: edges have no column "" to sort by'),
        ({"sort": "days"}, 'sort: edges have no column "days" to sort by'),
    ],
)
def test_what_cannot_be_asked(query: Mapping[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        page(EDGES, 0, query)


def test_edges_are_sorted_with_what_is_unknown_last() -> None:
    assert [row.port for row in asked(sort="port").rows] == [443, 443, 5432, None]
    assert [row.port for row in asked(sort="-port").rows] == [5432, 443, 443, None]
    assert servers(asked(sort="server_workload", limit="3")) == ["EXT:S3", "203.0.113.9", "db"]
