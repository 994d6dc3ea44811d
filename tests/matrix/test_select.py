"""Edges filtered, collapsed and summed up."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from matrix.derive import edges
from matrix.edges import EDGES
from matrix.facts import Facts
from matrix.select import Collapse, Only, collapse, select, summary
from pipeline.stage.edge_facts import ATTRIBUTES
from tests.support.edges import edge_facts, fact, shown

WEB, API = "Deployment/shop/web", "Deployment/shop/api"
PROM = "StatefulSet/mon/prom"
ACCEPTED = {"flows": 2, "syn": 2, "reply_flows": 2, "syn_ack": 2, "bytes": 10, "reply_bytes": 5}
ROWS = (
    fact(WEB, API, 8080, **ACCEPTED),
    fact(WEB, "198.51.100.7", 443, **ACCEPTED, first_seen=300.0, last_seen=400.0),
    fact(WEB, "2001:db8::/64", 443, **ACCEPTED),
    fact("label:partner", WEB, 8443, **ACCEPTED),
    fact(PROM, WEB, 9090, **ACCEPTED),
    fact(PROM, API, 9090, flows=1, syn=1),
    fact(PROM, API, 9091, flows=1, syn=1, denied=1),
    fact(WEB, API, 7777, evidence="range", flows=1),
    *(fact(f"Node//n{number}", WEB, 8080, **ACCEPTED) for number in (1, 2, 3)),
    fact("Node//n1", API, 8080, **ACCEPTED),
)
NOTHING = pl.DataFrame(schema={**dict.fromkeys(ATTRIBUTES.labels, pl.String), "flows": pl.Int64})
FOUND = edges(Facts(edge_facts(*ROWS), NOTHING.cast({"port": pl.Int32}), 0))


def chosen(**conditions: Any) -> list[tuple[Any, ...]]:
    found = select(FOUND, **conditions)
    assert found.schema == EDGES
    return shown(found)


def test_without_conditions_all_are_chosen() -> None:
    assert select(FOUND).equals(FOUND)


@pytest.mark.parametrize(
    ("peer", "number"),
    [
        ("mon", 3),
        ("shop/api", 5),
        ("n1", 2),
        ("partner", 1),
        ("198.51.100.7", 1),
        ("198.51.100.0/24", 1),
        ("2001:DB8::/32", 1),
        ("2001:db8::/64", 1),
        ("2001:db8::/65", 0),
        ("web", 0),
        ("shop/", 0),
    ],
)
def test_a_peer(peer: str, number: int) -> None:
    """A namespace, workload, node, label, address or CIDR, at either end."""
    assert len(chosen(peer=peer)) == number


def test_between_two() -> None:
    """Whoever opens the connections."""
    assert chosen(between=("shop/web", "mon")) == [("prom", "web", 9090)]
    assert chosen(between=("mon", "shop/web")) == [("prom", "web", 9090)]
    assert chosen(between=("shop", "shop")) == [("web", "api", 7777), ("web", "api", 8080)]


def test_a_port_of_a_service_is_that_of_its_edges() -> None:
    """DNS is asked for on port 53, and answered on port 5353."""
    services = [["dns/dns:53", "n1:30053"]] + [[]] * (FOUND.height - 1)
    through = FOUND.with_columns(pl.Series("services", services, dtype=pl.List(pl.String)))
    for port, number in ((53, 1), (30_053, 1), (3, 0), (5_353, 0)):
        assert select(through, port=port).height == number
    assert select(through, port=53).equals(through.head(1))


def test_a_port_and_a_time() -> None:
    assert len(chosen(port=443)) == 2
    assert chosen(port=443, since=250.0) == [("web", "198.51.100.7", 443)]
    assert len(chosen(since=200.0)) == len(ROWS)
    assert len(chosen(until=299.0)) == len(ROWS) - 1


@pytest.mark.parametrize(
    ("only", "number"),
    [
        (Only.ESTABLISHED, 9),
        (Only.ATTEMPTED, 1),
        (Only.DENIED, 1),
        (Only.UNCERTAIN, 1),
        (Only.UNLABELLED, 2),
    ],
)
def test_only_some(only: Only, number: int) -> None:
    assert len(chosen(only=only)) == number


def test_nodes_are_one_end() -> None:
    """Called by their number; a single one keeps its name."""
    found = collapse(FOUND, Collapse.NODES)
    assert found.schema == EDGES
    nodes = found.filter(pl.col("client_kind") == "Node")
    assert shown(nodes, "flows") == [("(3 nodes)", "web", 8080, 6), ("n1", "api", 8080, 2)]
    assert found.height == FOUND.height - 2


def test_workloads_are_their_namespace() -> None:
    found = collapse(FOUND, Collapse.WORKLOADS)
    inside = found.filter((pl.col("client_namespace") == "mon") & (pl.col("port") == 9090))
    columns = ["server_namespace", "server_kind", "server_workload", "attempted", "state"]
    assert inside.select(columns).rows() == [("shop", "", "", 3, "established")]
    nodes = found.filter(pl.col("client_kind") == "Node")
    assert nodes.select("client_workload", "server_namespace", "flows").rows() == [
        ("(3 nodes)", "shop", 8)
    ]


def test_namespaces_leave_ports_and_addresses_out() -> None:
    found = collapse(FOUND, Collapse.NAMESPACES)
    assert found["port"].null_count() == found.height
    outside = found.filter((pl.col("server_namespace") == "") & (pl.col("server_kind") == ""))
    assert outside.select("server_label", "server_address", "flows").rows() == [("", "", 4)]
    assert found.select("client_label").filter(pl.col("client_label") != "").height == 1
    assert found["flows"].sum() == FOUND["flows"].sum()


def test_namespace_by_namespace() -> None:
    names = ["client", "server", "edges", "flows", "bytes"]
    names += ["established", "attempted", "denied", "uncertain"]
    found = summary(FOUND)
    assert found.columns == names
    assert found.rows() == [
        ("(nodes)", "shop", 4, 16, 60, 4, 0, 0, 0),
        ("(partner)", "shop", 1, 4, 15, 1, 0, 0, 0),
        ("mon", "shop", 3, 6, 15, 1, 1, 1, 0),
        ("shop", "(unlabelled)", 2, 8, 30, 2, 0, 0, 0),
        ("shop", "shop", 2, 5, 15, 1, 0, 0, 1),
    ]
