"""The true edges of connections."""

from __future__ import annotations

from typing import Any

import pytest

from simulate.cluster import Peer
from simulate.edges import TRUTH, Targets, true_edges
from simulate.traffic import (
    ASKING,
    ECHO,
    LASTING,
    LOGGING,
    OLD,
    RAW_BITS,
    REFUSED,
    SHORT,
    UNANSWERED,
    Connection,
    Link,
    Style,
)

PEERS = [
    Peer("10.1.0.1", "shop", "web", "Deployment", "Pods", 0),
    Peer("10.1.0.2", "shop", "api", "Deployment", "Pods", 1),
    Peer("10.0.0.1", "", "n1", "Node", "Machines", 0),
    Peer("172.30.0.7", "shop", "api", "Service", "Services"),
    Peer("203.0.113.7", label="partner"),
    Peer("198.51.100.7"),
]
WEB, API, NODE, _, PARTNER, STRANGER = range(6)
PLACES = {"service:api": [3]}
OUTCOME = ["attempted", "accepted", "refused", "established"]


def rows(*told: tuple[Link, Connection], targets: Targets | None = None) -> list[dict[str, Any]]:
    found = true_edges(told, PEERS, PLACES, targets)
    assert found.schema == TRUTH
    return found.rows(named=True)


def to_api(style: Style = SHORT, client: int = WEB) -> tuple[Link, Connection]:
    return Link("", "api", 8080, style=style), Connection(client, API, 0)


@pytest.mark.parametrize(
    ("style", "outcome"),
    [
        (SHORT, (1, 1, 0, True)),
        (LASTING, (1, 1, 0, True)),
        (RAW_BITS, (1, 1, 0, True)),
        (OLD, (0, 0, 0, True)),
        (REFUSED, (1, 0, 1, False)),
        (UNANSWERED, (1, 0, 0, False)),
        (ECHO, (0, 0, 0, True)),
        (ASKING, (0, 0, 0, False)),
        (LOGGING, (0, 0, 0, True)),
    ],
)
def test_what_becomes_of_a_connection(style: Style, outcome: tuple[object, ...]) -> None:
    (found,) = rows(to_api(style))
    assert tuple(found[name] for name in OUTCOME) == outcome


def test_connections_of_an_edge_are_counted() -> None:
    (found,) = rows(to_api(), to_api(REFUSED), to_api(OLD))
    assert [found[name] for name in OUTCOME] == [2, 1, 1, True]


def test_ends_outside() -> None:
    """One with a label has no address, and no kind; a client outside has not dialled a Service."""
    partner, stranger = rows(to_api(client=PARTNER), to_api(client=STRANGER))[::-1]
    assert (partner["client_label"], partner["client_address"]) == ("partner", "")
    assert (stranger["client_label"], stranger["client_address"]) == ("", "198.51.100.7")
    link, one = to_api(client=PARTNER)
    (found,) = rows((link._replace(service="api", service_port=80), one))
    assert found["services"] == []


def test_a_service_is_on_the_way() -> None:
    link, one = to_api()
    (found,) = rows((link._replace(service="api", service_port=80), one), (link, one))
    assert (found["server_workload"], found["port"]) == ("api", 8080)
    assert found["services"] == ["shop/api:80"]


def test_of_endpoints_that_nobody_saw_the_first_has_the_connections() -> None:
    told = Link("", "", 0, "api", 80), Connection(WEB, None, 0)
    found = rows(told, targets={"api": ([NODE, API], 6443)})
    assert [(row["server_workload"], row["port"], row["attempted"]) for row in found] == [
        ("api", 6443, 1),
        ("n1", 6443, 0),
    ]
    assert all(row["established"] for row in found)


def test_an_echo_has_no_port() -> None:
    (found,) = rows(to_api(ECHO))
    assert (found["protocol"], found["port"]) == ("ICMP", None)
