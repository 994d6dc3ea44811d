"""What edges cover, and remarks on them."""

from __future__ import annotations

from matrix.coverage import Coverage, remarks
from tests.support.edge_rows import edge, frame

WINDOW = "2025-10-28T10:00:00Z to 2025-10-28T10:05:00Z"


def test_the_line_says_window_flows_rejected_and_what_is_beyond_the_limit() -> None:
    edges = frame(edge("a/b", "c/d"), edge("a/b", "c/e", last_seen=1_761_645_900.0, flows=1000))
    assert str(Coverage.of(edges, 0, None)) == f"covers {WINDOW}, 1,030 flows"
    assert str(Coverage.of(edges, 7, 3)) == (
        f"covers {WINDOW}, 1,030 flows, 3 rejected, 7 flows beyond the limit of edges, in no row"
    )
    assert str(Coverage.of(frame(), 0, 5)) == "covers no flow, 0 flows, 5 rejected"


def test_edges_without_fault_need_no_remark() -> None:
    assert remarks(frame(edge("a/b", "c/d"))) == []
    assert remarks(frame()) == []


def test_what_a_reader_should_know_is_said_with_the_first_names() -> None:
    silent = {"attempted": 0, "accepted": 0}
    edges = frame(
        edge("a/b", "c/d", state="uncertain", evidence="uncertain", sampling=50),
        *(edge("a/b", f"c/{number}", **silent) for number in range(4)),
    )
    uncertain, old, sampled = remarks(edges)
    assert uncertain == "1 edge uncertain: which end is the server is not known"
    assert old.startswith("4 edges with connections that are older than what was seen: restart")
    assert old.endswith("(a/b -> c/0 443/TCP, a/b -> c/1 443/TCP, a/b -> c/2 443/TCP, ...)")
    assert sampled == "flows are sampled (1 of 50): connections are missed"


def test_more_reports_than_flows_are_explained() -> None:
    """A flow that two nodes report, or one to a Service, is one of an edge."""
    edges = frame(edge("a/b", "c/d"))
    assert "(reported" not in str(Coverage.of(edges, 0, None, 20))
    assert str(Coverage.of(edges, 0, None, 45)).endswith(
        "20 flows (reported 45 times: by the nodes of both ends, or with a Service and what is "
        "behind it)"
    )


def test_rows_without_numbers_are_explained() -> None:
    empty = {"flows": 0, "reply_flows": 0, "services": ["default/kubernetes:443"]}
    edges = frame(edge("a/b", "node:m1", 6443), edge("a/b", "node:m2", 6443, **empty))
    (found,) = remarks(edges)
    assert found == (
        "1 edge without numbers (a/b -> m2 6443/TCP): only the Service before them was "
        "seen, and its numbers stand at the first of its endpoints"
    )
