"""The latest flows as a document: filtered both ways, in columns, and as edges."""

from __future__ import annotations

import msgspec
import polars as pl
import pytest

from page.overview import EDGES
from page.recent import Asked, FlowsPage, Pages, page
from pipeline.api.server import UnansweredError
from pipeline.flows.compressed import Compressed

FLOWS = pl.DataFrame(
    {
        "TimeFlowEndMs": [1, 2, 3, 4],
        "SrcAddr": ["10.0.0.1", "10.0.0.2", "10.0.0.1", "10.0.0.9"],
        "DstAddr": ["10.0.0.2", "10.0.0.1", "10.0.0.2", "10.0.0.1"],
        "SrcPort": [40_000, 443, 40_001, None],
        "DstPort": [443, 40_000, 443, None],
        "Proto": [6, 6, 6, 1],
        "Bytes": [100, 5_000, 7, None],
        "SrcK8S_Namespace": ["shop", "", "shop", None],
        "SrcK8S_OwnerName": ["web", "", "web", None],
        "DstK8S_Namespace": ["", "shop", "", "shop"],
        "DstK8S_OwnerName": ["", "web", "", "web"],
        "DstSubnetLabel": ["EXT:db", "", "EXT:db", ""],
        "SrcSubnetLabel": ["", "EXT:db", "", ""],
        "\x1fFlags": ["x", None, None, None],
    }
)


def asked(**question: object) -> FlowsPage:
    return page(FLOWS, Asked(**question))  # type: ignore[arg-type] # the test names the fields


def test_the_newest_come_first() -> None:
    found = asked(limit=2, columns="TimeFlowEndMs, SrcAddr")
    assert (found.held, found.total) == (4, 4)
    assert found.columns == ["TimeFlowEndMs", "SrcAddr"]
    assert found.values == [[4, 3], ["10.0.0.9", "10.0.0.1"]]
    assert "\x1fFlags" not in found.fields


def test_a_filter_and_the_flows_the_other_way_round() -> None:
    query = "DstPort = 443 and Bytes > 50"
    assert asked(query=query, columns="TimeFlowEndMs").values == [[1]]
    both = asked(query=query, columns="TimeFlowEndMs", both=True)
    assert (both.total, both.values) == (2, [[2, 1]])


def test_the_edges_of_all_that_fit() -> None:
    """Both ways are one; a pod is called by its owner, an address without one by its label."""
    found = asked(limit=1)
    edges = [(one.client, one.port, one.server, one.flows, one.bytes) for one in found.edges]
    assert edges == [
        ("shop/web", 443, "EXT:db", 3, 5_107),
        ("10.0.0.9", None, "shop/web", 1, 0),
    ]


def test_at_most_so_many_edges_are_shown_the_busiest_first() -> None:
    many = pl.DataFrame(
        {"SrcAddr": "10.0.0.1", "DstAddr": [f"10.1.0.{n}" for n in range(99)], "Bytes": range(99)}
    )
    found = page(many, Asked())
    assert (len(found.edges), found.all_edges) == (EDGES, 99)
    assert found.edges[0].server == "10.1.0.98"


def test_no_flow_has_come_yet() -> None:
    found = page(pl.DataFrame(), Asked(query="", columns="SrcAddr"))
    assert (found.held, found.total, found.columns, found.edges) == (0, 0, [], [])
    assert page(pl.DataFrame(), Asked(query="DstPort = 443")).total == 0


@pytest.mark.parametrize(
    ("question", "why"),
    [
        ({"query": "DstPort ="}, "query: "),
        ({"columns": "SrcAdr"}, 'columns: no flow has a field "SrcAdr"'),
    ],
)
def test_what_is_wrong_with_a_question(question: dict[str, object], why: str) -> None:
    with pytest.raises(UnansweredError, match=why):
        asked(**question)


def test_a_page_is_made_once_while_the_flows_are_the_same() -> None:
    frames = [Compressed(FLOWS), Compressed(FLOWS.head(1))]
    pages = Pages(lambda: frames[0])
    first, other = pages.page(Asked(limit=2)), pages.page(Asked(limit=1))
    assert pages.page(Asked(limit=2)) is first
    assert msgspec.json.decode(first.plain().body, type=FlowsPage) == asked(limit=2)
    assert msgspec.json.decode(other.plain().body, type=FlowsPage) == asked(limit=1)
    del frames[0]
    assert msgspec.json.decode(pages.page(Asked(limit=2)).plain().body, type=FlowsPage).held == 1


def test_few_pages_are_kept() -> None:
    kept = Compressed(FLOWS)
    pages = Pages(lambda: kept)
    first = pages.page(Asked(limit=0))
    for number in range(1, 17):
        pages.page(Asked(limit=number))
    assert pages.page(Asked(limit=0)) == first
    assert pages.page(Asked(limit=0)) is not first


def test_a_question_that_is_refused_is_not_kept() -> None:
    kept = Compressed(FLOWS)
    pages = Pages(lambda: kept)
    for _ in range(2):
        with pytest.raises(UnansweredError, match="no flow has a field"):
            pages.page(Asked(columns="Nothing"))
