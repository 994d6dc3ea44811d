"""DNS names that a client asked for before it reached a peer."""

from __future__ import annotations

import polars as pl

from discovery.asked import NEAREST, QUESTIONS, asked
from discovery.peers import unnamed
from tests.discovery.made import edge, edges

WEB = ("shop", "Deployment", "web")
PEERS = unnamed(edges(edge("192.0.2.1", first_seen=1000.0))).rows


def names(*rows: tuple[str, float], client: tuple[str, str, str] = WEB) -> list[str]:
    questions = pl.DataFrame([(*client, *row) for row in rows], QUESTIONS, orient="row")
    found = asked(PEERS, questions)
    assert set(found["address"]) <= {"192.0.2.1"}
    return sorted(found["question"])


def test_in_the_minute_before() -> None:
    given = [
        ("a.example", 999.0),
        ("b.example", 940.0),
        ("c.example", 939.9),
        ("d.example", 1000.5),
    ]
    assert names(*given) == ["a.example", "b.example"]


def test_by_the_same_client_only() -> None:
    for other in (("shop", "Deployment", "api"), ("pay", "Deployment", "web")):
        assert names(("a.example", 999.0), client=other) == []


def test_names_of_the_cluster_are_left_out() -> None:
    given = [("db.shop.svc.cluster.local", 999.0), ("db.shop.svc.cluster.local.", 999.5)]
    assert names(*given, ("a.example.", 990.0)) == ["a.example."]


def test_only_the_latest_ones() -> None:
    given = [(f"{number}.example", 990.0 + number) for number in range(9)]
    assert names(*given) == [f"{number}.example" for number in range(9 - NEAREST, 9)]


def test_a_peer_that_is_a_client_was_not_looked_up() -> None:
    inward = {"client_kind": "", "client_namespace": "", "client_workload": ""}
    server = {"server_kind": "Deployment", "server_namespace": "shop", "server_workload": "web"}
    peers = unnamed(edges(edge(**inward, **server, client_address="192.0.2.1"))).rows
    questions = pl.DataFrame([(*WEB, "a.example", 999.0)], QUESTIONS, orient="row")
    assert asked(peers, questions).height == 0
