"""What is known about places where a server may be."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from matrix.edges import Evidence
from matrix.ends import key
from matrix.places import (
    FAN,
    PLACE,
    RANK,
    SERVER,
    THEIR_PORT,
    best,
    contested,
    fans,
    placed,
    ranked,
    turned,
)
from pipeline.stage.edge_facts import END
from tests.support.edges import edge_facts, fact

WEB, API, DB = "Deployment/shop/web", "Deployment/shop/api", "StatefulSet/shop/db"
RANGE, OPEN = {"evidence": "range"}, {"evidence": ""}


def test_the_clients_port_is_known_where_there_is_one_only() -> None:
    rows = placed(
        edge_facts(
            fact(WEB, API, 80, ports=(40_000, 40_000)),
            fact(WEB, API, 80, ports=(40_000, 40_001)),
            fact(WEB, API, 80, client_port=40_002, **OPEN),
            fact(WEB, API, protocol="ICMP", evidence="echo"),
        )
    )
    assert rows[THEIR_PORT].to_list() == [40_000, None, 40_002, None]


@pytest.mark.parametrize(
    ("facing", "number"),
    [
        ({"ports": (80, 80)}, 1),
        ({"ports": (80, 81)}, 0),
        ({"ports": (79, 79)}, 0),
        ({"ports": (80, 80), "protocol": "SCTP"}, 0),
        ({"ports": (80, 80), "evidence": "range"}, 0),
    ],
)
def test_what_faces_another_is_contested(facing: dict[str, Any], number: int) -> None:
    """The server of one is the client of the other, on the same ports."""
    one = fact(WEB, API, 80, ports=(40_000, 50_000))
    rows = placed(edge_facts(one, fact(API, WEB, 45_000, **facing)))
    assert contested(rows).to_list() == [1] * number


def test_peers_on_one_port_may_both_open() -> None:
    """With the same port on both sides there is no wrong one."""
    same: dict[str, Any] = {"port": 7946, "ports": (7946, 7946)}
    rows = placed(edge_facts(fact(WEB, API, **same), fact(API, WEB, **same), fact(DB, DB, **same)))
    assert contested(rows).is_empty()


def test_the_best_is_known() -> None:
    rows = placed(edge_facts(fact(WEB, API, 80))).select(PLACE)
    known = best([ranked(rows, Evidence.FAN_IN), ranked(rows, Evidence.SYN_ACK)])
    assert known[RANK].to_list() == [1]


def test_fan_in_counts_ports_of_the_other_side() -> None:
    """Least and largest of a row, of several rows; of undecided ones both ports may be a server's.

    One port of several ends is one: clients use the same port for several servers.
    """
    rows = placed(
        edge_facts(
            fact(WEB, API, 7777, ports=(40_000, 40_009), **RANGE),
            fact(DB, API, 7777, ports=(40_001, 40_001), **RANGE),
            fact(WEB, DB, 50_051, client_port=40_000, ports=(40_000, 40_000), **OPEN),
            fact(DB, API, 40_002, client_port=50_051, ports=(50_051, 50_051), **OPEN),
            fact(WEB, API, 50_051, client_port=40_000, ports=(40_000, 40_000), **OPEN),
        )
    )
    found, pairs = fans(rows)
    counts = {(place[0].split("\n")[2], place[2]): fan for *place, fan in found.rows()}
    assert counts == {
        ("api", 7777): 3,
        ("db", 50_051): 2,
        ("web", 40_000): 1,
        ("api", 40_002): 1,
        ("api", 50_051): 1,
    }
    assert sorted(pairs[FAN].to_list()) == [1, 1]


def flags(client: str, server: str, port: int, theirs: int) -> list[dict[str, Any]]:
    """A connection of which both flags were seen."""
    ports = {"ports": (theirs, theirs)}
    return [fact(client, server, port, evidence=one, **ports) for one in ("syn", "syn_ack")]


def wrong(*facts: dict[str, Any], port: int = 0) -> list[int]:
    """The numbers of the rows that stand the wrong way round, where web declares a port."""
    declared = pl.DataFrame(
        [("Deployment", "shop", "web", "", "", "TCP", port)] if port else [],
        schema={**dict.fromkeys(END, pl.String), "protocol": pl.String, "port": pl.Int32},
        orient="row",
    )
    places = declared.select(key().alias(SERVER), "protocol", "port")
    return sorted(turned(placed(edge_facts(*facts)), places).to_list())


def test_bits_of_the_header_and_a_low_port_of_the_client() -> None:
    """The other port is declared, or the same in three of these."""
    one = flags(WEB, API, 2000, 50_051)
    assert wrong(*one) == []
    assert wrong(*one, port=50_051) == [0, 1]
    assert wrong(*one, port=2000) == []
    assert wrong(*one, *flags(WEB, API, 2001, 50_051)) == []
    three = [*one, *flags(WEB, DB, 2001, 50_051), *flags(WEB, DB, 3000, 50_051)]
    assert wrong(*three) == [0, 1, 2, 3, 4, 5]


def test_a_scan_from_one_port_stands_as_it_is() -> None:
    """Nobody answers: there is one flag only."""
    scan = [fact(WEB, API, port, ports=(50_051, 50_051)) for port in range(2000, 2009)]
    assert wrong(*scan) == []
