"""Edges to Services are those to what is behind them."""

from __future__ import annotations

from typing import Any

from pipeline.kube.subnets import Label
from policy.ends import End
from policy.generate.networks import Networks
from policy.generate.seen import Edge
from policy.generate.services import Services
from policy.objects import Cluster
from tests.support.policies import node, pod

CLIENT = End("Deployment", "shop", "web", "", "")
LABELS = [Label("Machines", ["192.0.2.0/24"])]


def service(namespace: str, name: str, target: int | str, **labels: str) -> dict[str, Any]:
    port = {"name": "main", "protocol": "TCP", "port": 443, "targetPort": target}
    spec = {"selector": labels, "ports": [port]}
    return {"kind": "Service", "metadata": {"namespace": namespace, "name": name}, "spec": spec}


def slice_(namespace: str, name: str, port: int, *addresses: str) -> dict[str, Any]:
    labels = {"kubernetes.io/service-name": name}
    return {
        "kind": "EndpointSlice",
        "metadata": {"namespace": namespace, "name": f"{name}-1", "labels": labels},
        "endpoints": [{"addresses": [one]} for one in addresses],
        "ports": [{"name": "main", "protocol": "TCP", "port": port}],
    }


DB = pod("shop/db-1", "10.1.0.7", labels={"app": "db"}, ports={"sql": 5432}, owner="StatefulSet/db")


def resolved(name: str, *objects: dict[str, Any], port: int = 443) -> list[tuple[str, int | None]]:
    """The servers behind a Service, and their ports."""
    namespace, _, bare = name.partition("/")
    edge = Edge(CLIENT, End("Service", namespace, bare, "", ""), "TCP", port, "established", ())
    services = Services(Cluster(objects), Networks(objects, LABELS))
    return [(str(one.server), one.port) for one in services.resolved([edge])]


def test_by_endpoint_slices() -> None:
    """Pods as their workload, nodes by their label, others by their address."""
    objects = [
        service("default", "kubernetes", 6443),
        slice_("default", "kubernetes", 6443, "192.0.2.1", "198.51.100.9", "10.1.0.7"),
        node("master", "192.0.2.1"),
        DB,
    ]
    assert resolved("default/kubernetes", *objects) == [
        ("198.51.100.9", 6443),
        ("Node master", 6443),
        ("StatefulSet shop/db", 6443),
    ]


def test_by_selector_where_there_is_no_slice() -> None:
    """A target port may have a name."""
    for target in (5432, "sql"):
        objects = [service("shop", "db", target, app="db"), DB]
        assert resolved("shop/db", *objects) == [("StatefulSet shop/db", 5432)]


def test_what_is_not_known_stays_a_service() -> None:
    unknown = [("Service shop/db", 443)]
    assert resolved("shop/db") == unknown
    assert resolved("shop/db", service("shop", "db", "gone", app="db"), DB) == unknown
    assert resolved("shop/db", service("shop", "db", 5432, app="db"), DB, port=80) == [
        ("Service shop/db", 80)
    ]


def test_the_service_is_told() -> None:
    objects = [service("shop", "db", 5432, app="db"), DB]
    services = Services(Cluster(objects), Networks(objects, []))
    server = End("Service", "shop", "db", "", "")
    (found,) = services.resolved([Edge(CLIENT, server, "TCP", 443, "established", ())])
    assert found.services == ("shop/db:443",)
    assert list(services.resolved([found])) == [found]


def test_of_what_is_behind_it_is_what_the_client_was_seen_with() -> None:
    """The label of a node may be known for one of the edges only."""
    objects = [
        service("default", "kubernetes", 6443),
        slice_("default", "kubernetes", 6443, "192.0.2.1", "192.0.2.2"),
        node("master-1", "192.0.2.1"),
        node("master-2", "192.0.2.2"),
    ]
    services = Services(Cluster(objects), Networks(objects, LABELS))
    asked = Edge(CLIENT, End("Service", "default", "kubernetes", "", ""), "TCP", 443, "", ())
    direct = Edge(CLIENT, End("Node", "", "master-2", "", ""), "TCP", 6443, "", ())
    other = direct._replace(client=CLIENT._replace(workload="other"))
    found = [str(edge.server) for edge in services.resolved([asked, direct])]
    assert found == ["Node master-2", "Node master-2"]
    found = [str(edge.server) for edge in services.resolved([asked, other])]
    assert found == ["Node master-1", "Node master-2", "Node master-2"]
