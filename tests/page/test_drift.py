"""The drift as a document, and decisions about it."""

from __future__ import annotations

import json
from http import HTTPStatus
from pathlib import Path
from typing import Any

import msgspec
import polars as pl
import pytest

from matrix import approved
from matrix.approved import KEY, Drift
from page import drift
from page.drift import Asked, DriftPage
from page.query import asked
from pipeline.api.server import UnansweredError
from tests.support.edge_rows import edge, frame
from tests.support.seen import Fixed, seen

NOW = frame(
    edge("shop/web", "shop/db", 5432),
    edge("rogue/x", "shop/db", 5432),
    edge("shop/web", "label:EXT:S3", 443),
    edge("shop/job", "203.0.113.9", None, protocol="ICMP"),
)
BEFORE = approved.approve(
    frame(
        edge("shop/web", "shop/db", 5432, evidence="well_known"),
        edge("shop/web", "label:EXT:S3", 443),
        edge("shop/old", "shop/db", 5432),
    )
)


@pytest.fixture
def source(tmp_path: Path) -> Fixed:
    found = Fixed(seen(NOW))
    found.approved = tmp_path / "approved.yaml"
    found.approved.write_text(approved.dump(BEFORE))
    return found


def shown(source: Fixed, **query: str) -> DriftPage:
    known = drift.load(source.approved)
    return drift.drift(source.found, known, "approved.yaml", asked(query, Asked))


def key(row: Any) -> list[str | int | None]:
    return [getattr(row, name) for name in KEY]


def rows(page: DriftPage) -> list[tuple[str, str]]:
    return [(row.drift, row.client_workload) for row in page.rows]


def body(**values: object) -> bytes:
    return json.dumps(values).encode()


def test_a_namespace_is_approved_alone(source: Fixed) -> None:
    """What is shown of a namespace is what all of it is: nothing else is approved with it."""
    assert source.approved
    source.found = seen(pl.concat([NOW, frame(edge("far/a", "far/b", 80))]))
    done = drift.approve(source, body(all=True, namespace="rogue"))
    assert (done.approved, done.differ) == (4, 4)
    assert rows(shown(source)) == [
        *(("new", "a"), ("new", "job"), ("changed", "web"), ("gone", "old")),
    ]
    drift.approve(source, body(all=True, namespace="shop"))
    assert rows(shown(source)) == [("new", "a")]
    with pytest.raises(UnansweredError, match="a namespace goes with all"):
        drift.approve(source, body(edges=[key(shown(source).rows[0])], namespace="far"))


def test_what_is_marked_is_of_the_namespace(source: Fixed) -> None:
    drift.mark(source, body(edges=[key(shown(source, namespace="rogue").rows[0])]))
    for name, marked in {"": 1, "rogue": 1, "shop": 1, "far": 0}.items():
        assert len(shown(source, namespace=name).marked) == marked


def test_the_document(source: Fixed) -> None:
    page = shown(source)
    assert (page.file, page.approved, page.namespaces) == ("approved.yaml", 3, [])
    assert page.counts == {"anomalous": 0, "new": 2, "changed": 1, "gone": 1}
    assert rows(page) == [("new", "x"), ("new", "job"), ("changed", "web"), ("gone", "old")]
    assert (page.rows[2].evidence, page.rows[2].was) == ("syn", "well_known")
    assert (page.rows[3].evidence, page.rows[3].was) == (None, "syn")
    assert (page.total, page.marked, page.notes) == (4, [], [])


def test_a_part_of_it(source: Fixed) -> None:
    assert rows(shown(source, namespace="rogue")) == [("new", "x")]
    assert rows(shown(source, only="gone")) == [("gone", "old")]
    assert shown(source, only="gone").counts["new"] == 2
    page = shown(source, offset="1", limit="2")
    assert (rows(page), page.total) == ([("new", "job"), ("changed", "web")], 4)


def test_a_member_of_a_group_calls_no_edge_gone(source: Fixed) -> None:
    source.found = source.found._replace(whole=False)
    page = shown(source)
    assert page.counts == {"anomalous": 0, "new": 2, "changed": 1, "gone": 0}
    assert page.notes == ["a member of a group sees a part of the edges: none is called gone"]


def test_some_are_approved_in_the_file(source: Fixed) -> None:
    page = shown(source)
    keys = [key(page.rows[0]), key(page.rows[1]), key(page.rows[3])]
    assert drift.approve(source, body(edges=keys)) == drift.Written(4, 1)
    assert rows(shown(source)) == [("changed", "web")]


def test_all_are_approved_and_the_file_is_that_of_the_command(source: Fixed) -> None:
    assert source.approved
    assert drift.approve(source, body(all=True)) == drift.Written(4, 0)
    text = source.approved.read_text()
    assert text == approved.dump(approved.approve(NOW))
    written = source.approved.stat().st_mtime_ns
    assert drift.approve(source, body(all=True)) == drift.Written(4, 0)
    assert source.approved.stat().st_mtime_ns == written


def test_edges_are_marked_and_unmarked(source: Fixed) -> None:
    rogue = key(shown(source).rows[0])
    assert drift.mark(source, body(edges=[rogue])) == drift.Written(4, 4)
    page = shown(source)
    assert rows(page)[0] == ("anomalous", "x")
    assert [key(row) for row in page.marked] == [rogue]
    assert drift.mark(source, body(edges=[rogue], anomalous=False)) == drift.Written(4, 3)
    assert shown(source).marked == []


def test_marks_of_edges_without_a_port(source: Fixed) -> None:
    ping = key(shown(source).rows[1])
    assert ping[-2:] == ["ICMP", None]
    drift.mark(source, body(edges=[ping]))
    assert [key(row) for row in shown(source).marked] == [ping]


@pytest.mark.parametrize(
    ("content", "status", "why"),
    [
        (body(), 400, "give edges, or all"),
        (body(edges=[["x"]], all=True), 400, "give edges, or all"),
        (body(edges=[["x"]]), 400, "an edge is the list of client_kind, client_namespace"),
        (body(edges=[[*[""] * 10, "TCP", 1]]), 409, "is neither approved nor seen any more"),
        (body(edges=[[*[""] * 10, "TCP", -1]]), 400, "a port is a number up to 65535, or null"),
        (body(edges=[[*[""] * 10, "TCP", 65536]]), 400, "a port is a number up to 65535, or null"),
        (body(edges=[[*["x" * 99_999] * 11, 1]]), 409, "^.{100,2000} cannot be approved: .{,330}$"),
        (b"{", 400, "the body is not valid"),
    ],
)
def test_decisions_that_are_refused(source: Fixed, content: bytes, status: int, why: str) -> None:
    assert source.approved
    before = source.approved.read_bytes()
    with pytest.raises(UnansweredError, match=why) as caught:
        drift.approve(source, content)
    assert caught.value.status == status
    assert source.approved.read_bytes() == before


def test_marks_need_edges(source: Fixed) -> None:
    with pytest.raises(UnansweredError, match="give edges"):
        drift.mark(source, body(edges=[]))


def test_without_an_approved_file(source: Fixed) -> None:
    source.approved = None
    for action in (drift.approve, drift.mark):
        with pytest.raises(UnansweredError, match="no matrix is approved") as caught:
            action(source, body(edges=[[*[""] * 10, "TCP", 1]]))
        assert caught.value.status == HTTPStatus.NOT_FOUND
    with pytest.raises(UnansweredError, match="no matrix is approved"):
        drift.load(None)


def test_a_file_that_is_not_valid_stays(source: Fixed) -> None:
    assert source.approved
    source.approved.write_text("edges: [{client: {kind: Pod}}]")
    with pytest.raises(UnansweredError, match=r"approved.yaml:1:9: error: .*missing") as caught:
        drift.approve(source, body(all=True))
    assert caught.value.status == HTTPStatus.CONFLICT
    with pytest.raises(UnansweredError, match="missing"):
        drift.load(source.approved)


def test_a_file_that_cannot_be_read(source: Fixed, tmp_path: Path) -> None:
    source.approved = tmp_path / "none.yaml"
    with pytest.raises(UnansweredError, match="cannot be read: No such file"):
        drift.approve(source, body(all=True))


def test_an_answer_is_as_it_is_described(source: Fixed) -> None:
    decoded = msgspec.json.decode(msgspec.json.encode(shown(source)), type=DriftPage)
    assert decoded.total == 4
    assert list(Drift) == list(decoded.counts)
    assert pl.Series([row.port for row in decoded.rows]).to_list() == [5432, None, 5432, 5432]
