"""Who began first: SYN and ACK in the flags of both ends; test_truth.py has whole clusters."""

from __future__ import annotations

from typing import Any

import pytest

from matrix.openers import Openers, openers, places
from matrix.places import ROW, placed
from tests.support.edges import edge_facts, fact

WEB, API = "Deployment/shop/web", "Deployment/shop/api"
ACK = {"evidence": "syn_ack"}


def there(*ports: int, **more: Any) -> dict[str, Any]:
    """Connections from these ports of web to one of api."""
    return fact(WEB, API, 7777, ports=(min(ports), max(ports))) | more


def back(port: int, **more: Any) -> dict[str, Any]:
    """What reads like a connection from that port of api to one of web."""
    return fact(API, WEB, port, ports=(7777, 7777), reporter="server") | more


def told(*rows: dict[str, Any]) -> Openers:
    found = openers(placed(edge_facts(*rows)))
    return Openers(*(numbers.sort() for numbers in found))


def numbers(found: Openers) -> tuple[list[int], ...]:
    return tuple(one.to_list() for one in found)


def test_the_one_that_began_first_has_opened() -> None:
    assert numbers(told(there(12_000, began=5), back(12_000, began=6)))[:2] == ([0], [1])
    assert numbers(told(there(12_000, began=6), back(12_000, began=5)))[:2] == ([1], [0])


def test_all_replies_of_a_server_are_told() -> None:
    """Those of its least and its largest port, and of every other; the order does not matter."""
    replies = [back(port, began=port) for port in (12_001, 12_000, 12_005)]
    assert numbers(told(there(12_000, 12_005, began=11_999), *replies))[:2] == ([0], [1, 2, 3])


def test_a_client_that_always_has_the_same_port() -> None:
    """Then the many rows have opened, also those that began later than a reply to another one."""
    many = [back(port, began=port) for port in (12_000, 12_001, 12_005)]
    assert numbers(told(there(12_000, 12_005, began=12_000 + 1), *many))[:2] == ([1, 2, 3], [0])


def test_a_reply_tells_nothing_of_others() -> None:
    """A port of the client was used for two servers: their rows are right, that of both is not."""
    both = back(12_000, client_port_max=8888, began=6)
    rows = there(12_000, 12_009, began=5), both, there(12_000, port=8888, began=9)
    assert numbers(told(*rows))[:2] == ([0, 2], [1])


@pytest.mark.parametrize(
    "other",
    [
        {"began": 5},
        {"began": None},
        {"began": 4, "reporter": "client"},
        {"began": 4, "protocol": "SCTP"},
        {"began": 4, "port": 12_001},
        {"began": 4, "client_port_min": 7778, "client_port_max": 7778},
        {"began": 4, "evidence": "range"},
    ],
)
def test_what_cannot_be_compared(other: dict[str, Any]) -> None:
    """One moment, no time, another agent's clock, another connection."""
    assert numbers(told(there(12_000, began=5), back(12_000) | other))[:2] == ([], [])


def test_flags_that_only_one_end_sends_prove_it() -> None:
    """SYN alone; or the SYN_ACK of an agent, whatever began earlier."""
    assert numbers(told(there(12_000, began=0), back(12_000, began=5))) == ([], [1], [0], [])
    accepted = there(12_000, began=0, **ACK)
    found = numbers(told(there(12_000, began=6), accepted, back(12_000, began=5)))
    assert found == ([], [2], [0, 1], [])


def test_ports_that_have_said_it_the_wrong_way_round() -> None:
    """The SYN of the one was taken for the answer of the other: it began first."""
    rows = there(12_000, began=5), there(12_000, began=6, **ACK)
    assert numbers(told(*rows)) == ([], [], [], [0, 1])
    turned = there(12_000, began=6), there(12_000, began=5, **ACK)
    assert numbers(told(*turned)) == ([], [0, 1], [], [])


def test_places_of_servers() -> None:
    rows = placed(edge_facts(there(12_000, began=5), back(12_000, began=6)))
    found = places(rows, openers(rows))
    assert found.rows() == [("Deployment\nshop\napi\n\n", "TCP", 7777)]
    assert places(rows.clear(), openers(rows.clear())).is_empty()
    assert ROW in rows.columns
