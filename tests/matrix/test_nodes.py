"""Who on a node it may be: a kubelet that probes, or a pod on the network of the node."""

from __future__ import annotations

from typing import Any

import polars as pl

from matrix.counting import EDGE, counted, numbered
from matrix.nodes import on_nodes
from matrix.objects import Objects
from tests.support.edges import edge_facts, fact, shown
from tests.support.shop import HTTP, NODE, OWNED, REPLICAS, pod

WEB, NODE_1, NODE_2 = "Deployment/shop/web", "Node//n1", "Node//n2"
PROBES: dict[str, Any] = {
    "ports": [HTTP, {"containerPort": 2055}, {"containerPort": 53, "protocol": "UDP"}],
    "livenessProbe": {"httpGet": {"port": "http"}},
    "readinessProbe": {"tcpSocket": {"port": 9000}},
    "startupProbe": {"grpc": {"port": 53}},
}
AGENT = pod(
    *("agent-1", "10.0.0.1", []),
    spec={"hostNetwork": True, "containers": [{"ports": [{"containerPort": 9101}]}]},
    meta={"ownerReferences": [{"kind": "DaemonSet", "name": "agent"}]},
)
OBJECTS = Objects.of(
    [NODE, REPLICAS, pod("a", "10.1.0.1", [], spec={"containers": [PROBES]}, **OWNED), AGENT]
)


def found(*facts: dict[str, Any]) -> list[tuple[Any, ...]]:
    edges = counted(numbered(edge_facts(*facts), EDGE))
    return shown(on_nodes(edges, OBJECTS), "probe", "guests")


def test_probes_are_told_from_pods_on_the_network_of_a_node() -> None:
    """By the ports that kubelets ask: by name, by number, and one that is not declared."""
    rows = found(*(fact(NODE_1, WEB, port) for port in (8080, 9000, 53, 2055)))
    assert rows == [
        ("n1", "web", 2055, False, []),
        ("n1", "web", 53, True, []),
        ("n1", "web", 8080, True, []),
        ("n1", "web", 9000, True, []),
    ]


def test_a_probe_asks_by_tcp_and_comes_from_a_node() -> None:
    assert found(fact(NODE_1, WEB, 53, protocol="UDP")) == [("n1", "web", 53, False, [])]
    assert found(fact("label:Pods", WEB, 8080)) == []


def test_the_pods_that_declare_a_port_on_a_node() -> None:
    """On their own node only."""
    rows = found(*(fact(WEB, node, port) for node in (NODE_1, NODE_2) for port in (9101, 22)))
    assert rows == [
        ("web", "n1", 22, False, []),
        ("web", "n1", 9101, False, ["shop/agent"]),
        ("web", "n2", 22, False, []),
        ("web", "n2", 9101, False, []),
    ]


def test_what_is_probed_is_declared() -> None:
    ports = OBJECTS.declared.filter(pl.col("workload") == "web").select("protocol", "port").rows()
    expected = [("TCP", 53), ("TCP", 2055), ("TCP", 8080), ("TCP", 9000), ("UDP", 53)]
    assert sorted(ports) == expected
