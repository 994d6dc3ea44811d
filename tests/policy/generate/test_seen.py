"""The edges that a namespace has, and the rules for them."""

from __future__ import annotations

from policy.generate.draft import Peer, PeerKind, Port
from policy.generate.seen import Side, edges
from tests.support.edge_rows import edge, frame, workload

WEB, DB, FAR = (workload(f"Deployment {name}") for name in ("shop/web", "shop/db", "far/away"))


def test_edges_with_an_end_in_the_namespaces() -> None:
    """Each once, however often it was seen."""
    rows = [
        edge(WEB, DB, "TCP 5432", flows=1, services=["shop/db:5432", "shop/a:1"]),
        edge(WEB, DB, "TCP 5432", flows=2, services=["shop/a:1", "shop/db:5432"]),
        edge(FAR, WEB, "TCP 80"),
        edge(FAR, FAR, "ICMP"),
    ]
    assert sorted(map(str, edges(frame(*rows), ["shop"]))) == [
        "Deployment far/away -> Deployment shop/web TCP 80",
        "Deployment shop/web -> Deployment shop/db TCP 5432 (Service shop/a:1, shop/db:5432)",
    ]
    assert list(map(str, edges(frame(*rows[3:]), ["far"]))) == [
        "Deployment far/away -> Deployment far/away ICMP"
    ]


def test_rules_tell_their_edges() -> None:
    one, two = (Peer(PeerKind.PODS, name, "shop") for name in ("one", "two"))
    side = Side()
    for peer, port in ((one, 1), (two, 1), (two, 2)):
        side.add(peer, Port("TCP", port), f"{peer.name} {port}")
    assert [(rule.peers, rule.ports, rule.edges) for rule in side.rules()] == [
        ((one,), (Port("TCP", 1),), ("one 1",)),
        ((two,), (Port("TCP", 1), Port("TCP", 2)), ("two 1", "two 2")),
    ]


def test_an_edge_is_told_once_with_its_service() -> None:
    side, peer = Side(), Peer(PeerKind.PODS, "db", "shop")
    for text in ("db TCP 54", "db TCP 543", "db TCP 54 (Service shop/db:54)"):
        side.add(peer, Port("TCP", 54), text)
    assert side.rules()[0].edges == ("db TCP 54 (Service shop/db:54)", "db TCP 543")
