"""Which end of a fact is the server, and why."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from matrix.objects import DECLARED
from matrix.orientation import oriented
from tests.support.edges import edge_facts, fact, shown

WEB, API, DB = "Deployment/shop/web", "Deployment/shop/api", "StatefulSet/shop/db"
RANGE = {"evidence": "range"}
OPEN = {"evidence": ""}
Row = tuple[str, str, int | None, str]


def declared(*ports: tuple[str, str, int]) -> pl.DataFrame:
    """Workload of the namespace shop, protocol and port."""
    rows = [("Deployment", "shop", name, "", protocol, port) for name, protocol, port in ports]
    found = pl.DataFrame(rows, schema=DECLARED, orient="row")
    return found.with_columns(pl.lit("").alias("label"))


def decided(*facts: dict[str, Any], ports: pl.DataFrame | None = None) -> list[Row]:
    """Client, server, port and evidence of what becomes of facts."""
    found = oriented(edge_facts(*facts), declared() if ports is None else ports)
    assert found.height == len(facts)
    return shown(found, "evidence")


@pytest.mark.parametrize("evidence", ["syn", "syn_ack", "echo"])
def test_what_flows_have_said_stays(evidence: str) -> None:
    one = fact(WEB, API, 40_000, ports=(8080, 8080), evidence=evidence)
    assert decided(one, ports=declared(("web", "TCP", 8080))) == [("web", "api", 40_000, evidence)]


def test_a_range_alone_is_uncertain() -> None:
    """One port below 32768 and one above may be either way round."""
    assert decided(fact(WEB, API, 7777, ports=(40_000, 40_000), **RANGE)) == [
        ("web", "api", 7777, "uncertain")
    ]


def test_a_range_is_confirmed_by_fan_in() -> None:
    """By several ports of one client, or of several clients."""
    assert decided(fact(WEB, API, 7777, ports=(40_000, 50_000), **RANGE)) == [
        ("web", "api", 7777, "fan_in")
    ]
    found = decided(
        fact(WEB, API, 7777, ports=(40_000, 40_000), **RANGE),
        fact(DB, API, 7777, ports=(40_001, 40_001), **RANGE),
    )
    assert found == [("db", "api", 7777, "fan_in"), ("web", "api", 7777, "fan_in")]


def test_a_range_is_confirmed_by_an_object() -> None:
    one = fact(WEB, API, 7777, ports=(40_000, 40_000), protocol="UDP", **RANGE)
    ports = declared(("api", "UDP", 7777))
    assert decided(one, ports=ports) == [("web", "api", 7777, "declared")]
    other = declared(("api", "TCP", 7777))
    assert decided(one, ports=other) == [("web", "api", 7777, "uncertain")]


def test_a_range_is_confirmed_by_the_connections_of_others() -> None:
    """Their SYN is not one of its own: that others connect to the port is fan-in."""
    found = decided(
        fact(DB, API, 7777, ports=(40_001, 40_001)),
        fact(WEB, API, 7777, ports=(40_000, 40_000), **RANGE),
    )
    assert found == [("db", "api", 7777, "syn"), ("web", "api", 7777, "fan_in")]


def test_a_low_port_is_the_clients_when_the_high_one_has_fan_in() -> None:
    """The client took its ports below 32768, and the server listens above."""
    rows = [
        fact(API, WEB, port, ports=(50_051, 50_051), flows=2, reply_flows=1, **RANGE)
        for port in (2000, 2001)
    ]
    rows.append(rows[0] | {"port": 3000, "evidence": "well_known"})
    found = oriented(edge_facts(*rows), declared())
    assert shown(found, "evidence") == [("web", "api", 50_051, "fan_in")] * 3
    assert found.select("flows", "reply_flows").unique().rows() == [(1, 2)]


def test_one_port_towards_several_servers_is_no_fan_in() -> None:
    """Clients use the same port for several servers: it counts for one pair only."""
    found = decided(
        fact(API, WEB, 2000, ports=(50_051, 50_051), **RANGE),
        fact(API, DB, 2001, ports=(50_051, 50_051), **RANGE),
    )
    assert [row[3] for row in found] == ["uncertain", "uncertain"]


def test_a_known_service_may_be_a_client() -> None:
    """A client with a privileged port (as of NFS) calls a port that an object declares."""
    one = fact(API, WEB, 875, ports=(20_048, 20_048), evidence="well_known")
    assert decided(one) == [("api", "web", 875, "well_known")]
    assert decided(one, ports=declared(("api", "TCP", 20_048))) == [
        ("web", "api", 20_048, "declared")
    ]


def test_nothing_known_is_decided_by_fan_in() -> None:
    """Facts with both ports: the one that is in several of them is the server's."""
    rows = [
        fact(WEB, API, 50_051, client_port=40_000, ports=(40_000, 40_000), **OPEN),
        fact(API, DB, 40_001, client_port=50_051, ports=(50_051, 50_051), **OPEN),
    ]
    assert decided(*rows) == [("db", "api", 50_051, "fan_in"), ("web", "api", 50_051, "fan_in")]
    assert decided(rows[0]) == [("web", "api", 50_051, "uncertain")]


def test_what_fan_in_has_told_of_a_port_holds_for_all() -> None:
    """A pair with one connection only follows those with many."""
    many = [fact(API, WEB, port, ports=(50_051, 50_051), **RANGE) for port in (2000, 3000)]
    one = fact(API, DB, 4000, ports=(50_051, 50_051), **RANGE)
    assert ("db", "api", 50_051, "fan_in") in decided(*many, one)


def test_peers_that_use_the_same_port() -> None:
    """It is the server's whichever end that is, when it is known for anything."""
    same = {"client_port": 123, "ports": (123, 123), "protocol": "UDP", **OPEN}
    assert decided(fact(WEB, API, 123, **same)) == [("web", "api", 123, "well_known")]
    gossip = same | {"client_port": 17_946, "ports": (17_946, 17_946)}
    assert decided(fact(WEB, WEB, 17_946, **gossip)) == [("web", "web", 17_946, "uncertain")]
    ports = declared(("web", "UDP", 17_946))
    assert decided(fact(WEB, WEB, 17_946, **gossip), ports=ports) == [
        ("web", "web", 17_946, "declared")
    ]


def test_bits_of_the_header_do_not_make_a_client_a_server() -> None:
    """A reply that reads SYN and ACK faces the SYN of its client: the one with fan-in is right."""
    facing = fact(API, WEB, 12_000, ports=(7777, 7777), flows=5, syn=5)
    found = oriented(
        edge_facts(fact(WEB, API, 7777, ports=(12_000, 20_000), syn=9), facing), declared()
    )
    assert {row[:3] for row in shown(found)} == {("web", "api", 7777)}
    assert set(found["evidence"]) <= {"syn", "fan_in"}
    assert found.select("flows", "reply_flows", "syn", "syn_ack").rows()[1] == (0, 5, 0, 5)


def test_two_that_face_each_other_are_uncertain_without_more() -> None:
    rows = [
        fact(WEB, API, 7777, ports=(12_000, 12_000)),
        fact(API, WEB, 12_000, ports=(7777, 7777)),
    ]
    assert {row[3] for row in decided(*rows)} == {"uncertain"}
    found = decided(*rows, ports=declared(("api", "TCP", 7777)))
    assert found == [("web", "api", 7777, "declared")] * 2


def test_two_that_face_each_other_are_told_by_who_began_first() -> None:
    """Unless an object declares the other port; a reply to several servers is uncertain."""
    one = fact(WEB, API, 7777, ports=(12_000, 12_000), began=5, syn=1)
    reply = fact(API, WEB, 12_000, ports=(7777, 7777), reporter="server", began=6, syn=1)
    assert decided(one, reply) == [("web", "api", 7777, "first")] * 2
    assert (
        decided(one, reply, ports=declared(("api", "TCP", 7777)))
        == [("web", "api", 7777, "declared")] * 2
    )
    assert (
        decided(one, reply, ports=declared(("web", "TCP", 12_000)))
        == [("api", "web", 12_000, "declared")] * 2
    )
    several = decided(one, reply | {"client_port_max": 8888})
    assert several == [("api", "web", 12_000, "uncertain"), ("web", "api", 7777, "first")]
    found = oriented(edge_facts(one, reply), declared())
    assert found.select("syn", "syn_ack").rows() == [(1, 0), (0, 1)]


def test_a_known_port_of_the_client_that_began_first() -> None:
    """Ports have taken its SYN for an answer."""
    ports = {"ports": (50_051, 50_051)}
    rows = [
        fact(API, WEB, 8080, **ports, began=6, syn=1),
        fact(API, WEB, 8080, **ports, began=5, syn_ack=1, evidence="syn_ack"),
    ]
    found = oriented(edge_facts(*rows), declared())
    assert shown(found, "evidence", "syn", "syn_ack") == [
        ("web", "api", 50_051, "first", 0, 1),
        ("web", "api", 50_051, "first", 1, 0),
    ]


def test_without_ports_nothing_is_known() -> None:
    """A protocol without ports, and an ICMP error; an echo of the same ends tells of the latter."""
    one: dict[str, Any] = {"protocol": "ICMP", "evidence": ""}
    assert decided(fact(WEB, API, protocol="47", evidence="")) == [
        ("web", "api", None, "uncertain")
    ]
    assert decided(fact(API, WEB, **one)) == [("api", "web", None, "uncertain")]
    found = decided(fact(WEB, API, protocol="ICMP", evidence="echo"), fact(API, WEB, **one))
    assert [row[:3] for row in found] == [("web", "api", None)] * 2


def test_the_agents_change_places_with_the_ends() -> None:
    rows = [
        fact(API, WEB, port, ports=(50_051, 50_051), reporter=reporter, client_rst=1, **RANGE)
        for port, reporter in ((2000, "client"), (2001, "server"), (2002, "both"))
    ]
    found = oriented(edge_facts(*rows), declared())
    assert found["reporter"].to_list() == ["server", "client", "both"]
    assert found["rst"].to_list() == [1, 1, 1]


def test_peers_that_open_connections_from_their_own_port() -> None:
    """Both directions are true."""
    same = {"ports": (7946, 7946)}
    found = decided(fact(WEB, API, 7946, **same), fact(API, WEB, 7946, **same))
    assert found == [("api", "web", 7946, "syn"), ("web", "api", 7946, "syn")]
