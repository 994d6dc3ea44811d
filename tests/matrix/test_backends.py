"""What is behind the ports of Services."""

from __future__ import annotations

import polars as pl

from matrix.objects import Objects
from tests.support.shop import HTTP, NODE, OWNED, REPLICAS, Manifest, pod, service, slice_

Row = tuple[str, int, str, int]


def behind(*manifests: Manifest) -> list[Row]:
    """Of the usual ends: protocol, port of the Service, kind and name (or address), and port."""
    found = Objects.of(manifests).backends.filter("usual")
    name = pl.format("{} {}{}", "kind", "workload", "address")
    return sorted(found.select("protocol", "service_port", name, "port").rows())


def test_a_selector_with_numbers_and_names() -> None:
    """A name is a port of each pod, which may differ; without a target it is the same port."""
    found = behind(
        REPLICAS,
        pod("a", "10.1.0.1", [HTTP], **OWNED),
        pod("b", "10.1.0.2", [{"name": "http", "containerPort": 9090}], **OWNED),
        pod("c", "10.1.0.3", [HTTP], meta={"labels": {"app": "other"}}),
        pod("d", "10.1.0.4", [HTTP], phase="Succeeded", **OWNED),
        service(
            {"app": "web"},
            {"port": 80, "targetPort": "http"},
            {"port": 81, "targetPort": 8081, "protocol": "UDP"},
            {"port": 82},
            {"port": 83, "targetPort": "absent"},
        ),
    )
    assert found == [
        ("TCP", 80, "Deployment web", 8080),
        ("TCP", 80, "Deployment web", 9090),
        ("TCP", 82, "Deployment web", 82),
        ("UDP", 81, "Deployment web", 8081),
    ]


def test_every_label_of_a_selector_counts() -> None:
    one = pod("a", "10.1.0.1", [HTTP])
    port = {"port": 80, "targetPort": 8080}
    assert behind(one, service({"app": "web", "tier": "back"}, port)) == []
    assert behind(one, service({"app": "web", "tier": "front"}, port)) == [
        ("TCP", 80, "Pod a", 8080)
    ]
    assert behind(one, service({}, port)) == []


def test_slices_say_it_better() -> None:
    """Pods, nodes and addresses of nobody; ports go by their name."""
    found = behind(
        NODE,
        REPLICAS,
        pod("a", "10.1.0.1", [HTTP], **OWNED),
        service({"app": "web"}, {"name": "http", "port": 80}, {"name": "dns", "port": 53}),
        slice_("web-1", ["10.1.0.1", "10.0.0.1"], {"name": "http", "port": 8080}),
        slice_("web-2", ["192.0.2.1"], {"name": "http", "port": 8081}, {"name": "x", "port": 1}),
    )
    assert found == [
        ("TCP", 80, " 192.0.2.1", 8081),
        ("TCP", 80, "Deployment web", 8080),
        ("TCP", 80, "Node n1", 8080),
    ]


def test_a_pod_on_the_host_network_is_its_node() -> None:
    one = pod("a", "10.0.0.1", [HTTP], spec={"hostNetwork": True})
    found = behind(NODE, one, service({"app": "web"}, {"port": 80, "targetPort": "http"}))
    assert found == [("TCP", 80, "Node n1", 8080)]
