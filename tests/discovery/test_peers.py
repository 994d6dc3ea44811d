"""Which ends of edges are peers without a name."""

from __future__ import annotations

import pytest

from discovery.peers import PEERS, unnamed
from tests.discovery.made import edge, edges


def test_ends_without_object_and_label() -> None:
    inward = {"client_kind": "", "client_namespace": "", "client_workload": ""}
    found = unnamed(
        edges(
            edge("192.0.2.1", reply_flows=2, reply_bytes=11),
            edge(server_label="EXT:S3"),
            edge(server_kind="Pod", server_namespace="a", server_workload="b"),
            edge(
                **inward,
                client_address="198.51.100.7",
                server_kind="Deployment",
                server_namespace="web",
                server_workload="front",
                port=8443,
                last_seen=3000.0,
            ),
        )
    )
    assert found.rows.schema == PEERS
    assert found.rows.rows() == [
        (
            *("192.0.2.1", "server", "shop", "Deployment", "web"),
            *("TCP", 443, "established", 3, 111, 1000.0, 2000.0),
        ),
        (
            *("198.51.100.7", "client", "web", "Deployment", "front"),
            *("TCP", 8443, "established", 1, 100, 1000.0, 3000.0),
        ),
    ]
    assert (found.unanswered, found.beyond) == (0, 0)


def test_one_namespace() -> None:
    given = edges(edge("192.0.2.1"), edge("192.0.2.2", client_namespace="other"))
    assert unnamed(given, "other").rows["address"].to_list() == ["192.0.2.2"]


@pytest.mark.parametrize("state", ["attempted", "denied"])
def test_who_was_never_answered_is_counted_beside(state: str) -> None:
    """Another edge of the same address that was established keeps all its rows."""
    given = edges(
        edge("192.0.2.1", state=state),
        edge("192.0.2.2", state=state),
        edge("192.0.2.2", state="established", port=80),
        edge("192.0.2.3", state="uncertain"),
    )
    found = unnamed(given)
    assert found.rows["address"].to_list() == ["192.0.2.2", "192.0.2.2", "192.0.2.3"]
    assert found.unanswered == 1
    every = unnamed(given, unanswered=True)
    assert (every.rows.height, every.unanswered) == (4, 1)


def test_networks_stay_and_flows_beyond_the_limit_are_counted() -> None:
    found = unnamed(edges(edge("192.0.2.0/24"), edge("__overflow__", flows=7, reply_flows=1)))
    assert found.rows["address"].to_list() == ["192.0.2.0/24"]
    assert found.beyond == 8


def test_no_edges() -> None:
    assert unnamed(edges()).rows.height == 0
