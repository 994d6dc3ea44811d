"""An approved matrix, decided on edge by edge."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from matrix import approved
from matrix.approval import UnknownEdgeError, accept, accept_all, key_of, mark
from matrix.approved import KEY, Approved, Key
from tests.support.edge_rows import edge, frame

WEB, ROGUE, GONE = ("shop/web", "shop/db", 5432), ("rogue/x", "shop/db", 5432), ("shop/a", "shop/b")
OTHER = edge("shop/web", "shop/cache", 6379)
BEFORE = approved.approve(frame(edge(*WEB, evidence="well_known"), edge(*GONE), OTHER), ["shop"])
NOW = frame(
    edge(*WEB),
    edge(*ROGUE),
    OTHER,
    edge("rogue/x", "shop/db", 22, state="attempted"),
    edge("node:n1", "shop/db", None, protocol="ICMP"),
    edge("else/a", "else/b"),
)


def place(client: str, server: str, port: int | None = 443, protocol: str = "TCP") -> Key:
    row = frame(edge(client, server, port, protocol=protocol))
    if client.startswith("node:"):
        row = row.with_columns(client_workload=pl.lit(""))
    return key_of(row.select(KEY).row(0))


def drift(known: Approved) -> list[tuple[str, str]]:
    found = approved.drift(NOW, known)
    return list(found.select("drift", pl.coalesce("client_workload", "client_kind")).iter_rows())


def test_the_drift_to_decide_on() -> None:
    assert drift(BEFORE) == [("new", "x"), ("new", ""), ("changed", "web"), ("gone", "a")]


def test_each_is_accepted_by_itself() -> None:
    found = accept(BEFORE, NOW, [place(*WEB)])
    assert drift(found) == [("new", "x"), ("new", ""), ("gone", "a")]
    found = accept(found, NOW, [place(*GONE), place("node:n1", "shop/db", None, "ICMP")])
    assert drift(found) == [("new", "x")]
    assert [one.server.workload for one in found.edges] == ["cache", "db", "db"]
    assert accept(found, NOW, [place(*ROGUE)]) == accept_all(BEFORE, NOW)


def test_all_is_the_present_matrix() -> None:
    assert accept_all(BEFORE, NOW) == approved.approve(NOW, ["shop"])
    assert drift(accept_all(BEFORE, NOW)) == []


def test_a_protocol_that_is_not_one_is_left_when_all_is_accepted() -> None:
    now = pl.concat([NOW, frame(edge("rogue/x", "shop/db", "TCPX 80"))])
    assert accept_all(BEFORE, now) == accept_all(BEFORE, NOW)
    with pytest.raises(UnknownEdgeError, match='"TCPX" is not a protocol'):
        accept(BEFORE, now, [place("rogue/x", "shop/db", 80, "TCPX")])


def test_what_must_not_be_stays_so_until_it_is_accepted(tmp_path: Path) -> None:
    marked = mark(BEFORE, NOW, [place(*ROGUE)], anomalous=True)
    assert drift(marked)[0] == ("anomalous", "x")
    assert drift(accept_all(marked, NOW)) == [("anomalous", "x")]
    file = tmp_path / "approved.yaml"
    file.write_text(approved.dump(marked))
    assert approved.load(file) == marked
    assert drift(accept(marked, NOW, [place(*ROGUE)])) == drift(BEFORE)[1:]
    unmarked = mark(marked, NOW, [place(*ROGUE)], anomalous=False)
    assert ("anomalous", "x") not in drift(unmarked)


def test_an_approved_edge_can_be_marked_although_it_is_gone() -> None:
    marked = mark(BEFORE, NOW, [place(*GONE)], anomalous=True)
    assert [one.client.workload for one in marked.edges if one.anomalous] == ["a"]
    assert ("gone", "a") not in drift(marked)
    assert drift(accept(marked, NOW, [place(*GONE)]))[-1] == ("changed", "web")


def test_the_order_of_decisions_does_not_matter() -> None:
    """The same matrix gives the same bytes."""
    one = accept(accept(BEFORE, NOW, [place(*WEB)]), NOW, [place(*ROGUE)])
    assert approved.dump(one) == approved.dump(accept(BEFORE, NOW, [place(*ROGUE), place(*WEB)]))


@pytest.mark.parametrize(
    "unknown",
    [
        place("rogue/x", "shop/db", 22),  # a mere attempt
        place("else/a", "else/b"),  # not of the approved namespaces
        place("shop/web", "shop/db", 1),
    ],
)
def test_an_edge_that_is_not_there_changes_nothing(unknown: Key) -> None:
    message = "is neither approved nor seen any more: look again"
    with pytest.raises(UnknownEdgeError, match=message):
        accept(BEFORE, NOW, [place(*WEB), unknown])
    with pytest.raises(UnknownEdgeError, match=message):
        mark(BEFORE, NOW, [unknown], anomalous=True)


@pytest.mark.parametrize(
    "values",
    [[], ["x"] * 12, ["x"] * 11, [None] * 11 + [1], [*["x"] * 11, 1, 2], [*["x"] * 11, 65_536]],
)
def test_values_that_are_not_an_edge(values: list[str | int | None]) -> None:
    with pytest.raises(ValueError, match="an edge is the list of client_kind, "):
        key_of(values)
