"""What is behind Services, and which ports objects declare."""

from __future__ import annotations

from typing import Any

import pytest

from matrix.objects import Objects

Manifest = dict[str, Any]


def owner(kind: str, name: str) -> list[Manifest]:
    return [{"kind": kind, "name": name, "controller": True}]


def pod(name: str, ip: str, ports: list[Manifest], **more: Any) -> Manifest:
    meta = {"name": name, "namespace": "shop", "labels": {"app": "web", "tier": "front"}}
    spec = {"nodeName": "n1", "containers": [{"ports": ports}], **more.pop("spec", {})}
    status = {"phase": "Running", "hostIP": "10.0.0.1", "podIPs": [{"ip": ip}]}
    return {
        "kind": "Pod",
        "metadata": meta | more.pop("meta", {}),
        "spec": spec,
        "status": status | more,
    }


def service(selector: Manifest, *ports: Manifest, ip: str = "172.30.0.7") -> Manifest:
    meta = {"name": "web", "namespace": "shop"}
    spec = {"clusterIP": ip, "selector": selector, "ports": [*ports]}
    return {"kind": "Service", "metadata": meta, "spec": spec}


def slice_(name: str, addresses: list[str], *ports: Manifest, of: str = "web") -> Manifest:
    labels = {"kubernetes.io/service-name": of}
    meta = {"name": name, "namespace": "shop", "labels": labels}
    endpoints = [{"addresses": [ip]} for ip in addresses]
    return {"kind": "EndpointSlice", "metadata": meta, "endpoints": endpoints, "ports": [*ports]}


HTTP = {"name": "http", "containerPort": 8080}
NODE: Manifest = {
    "kind": "Node",
    "metadata": {"name": "n1"},
    "status": {"addresses": [{"type": "InternalIP", "address": "10.0.0.1"}]},
}
REPLICAS: Manifest = {
    "kind": "ReplicaSet",
    "metadata": {
        "name": "web-1",
        "namespace": "shop",
        "ownerReferences": owner("Deployment", "web"),
    },
}
OWNED = {"meta": {"ownerReferences": owner("ReplicaSet", "web-1")}}
Row = tuple[str, str, int, str, int]


def behind(*manifests: Manifest) -> list[Row]:
    """Of the usual ends: protocol, port of the Service, kind, name (or address), and port."""
    found = Objects.of(manifests).backends
    rows = found.filter("usual").select("protocol", "service_port", "kind", "workload", "address")
    return sorted(
        (protocol, port, f"{kind} {name or address}", to)
        for (protocol, port, kind, name, address), to in zip(
            rows.rows(), found.filter("usual")["port"], strict=True
        )
    )


def declared(*manifests: Manifest) -> set[tuple[str, str, int]]:
    rows = Objects.of(manifests).declared
    return {
        (f"{kind} {name or address}", protocol, port)
        for kind, _, name, address, protocol, port in rows.iter_rows()
    }


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
    found = [NODE, one, service({"app": "web"}, {"port": 80, "targetPort": "http"})]
    assert behind(*found) == [("TCP", 80, "Node n1", 8080)]
    assert ("Node n1", "TCP", 8080) in declared(*found)


def test_an_owner_above_may_be_named() -> None:
    """Job and CronJob: a pipeline climbs, or does not. The port is declared for both."""
    job = {
        "kind": "Job",
        "metadata": {
            "name": "j-1",
            "namespace": "shop",
            "ownerReferences": owner("CronJob", "j"),
        },
    }
    one = pod("a", "10.1.0.1", [HTTP], meta={"ownerReferences": owner("Job", "j-1")})
    objects = Objects.of([job, one, service({"app": "web"}, {"port": 80})])
    assert set(objects.backends.select("kind", "workload", "usual", "member").rows()) == {
        ("Job", "j-1", True, 0),
        ("CronJob", "j", False, 0),
    }
    assert declared(job, one) == {("Job j-1", "TCP", 8080), ("CronJob j", "TCP", 8080)}


def test_declared_ports() -> None:
    """Of containers, Services, ports of nodes that lead there, and endpoints."""
    found = declared(
        NODE,
        pod("a", "10.1.0.1", [{"containerPort": 53, "protocol": "UDP", "hostPort": 5300}]),
        pod("b", "10.1.0.2", [HTTP], phase="Failed"),
        service({}, {"port": 80, "nodePort": 30_080}),
        slice_("web-1", ["192.0.2.1"], {"port": 8443}),
    )
    assert found == {
        ("Pod a", "UDP", 53),
        ("Node n1", "UDP", 5300),
        ("Service web", "TCP", 80),
        ("Node n1", "TCP", 30_080),
        (" 192.0.2.1", "TCP", 8443),
    }


def test_nothing() -> None:
    """Without objects nothing is declared."""
    objects = Objects.of()
    assert (objects.declared.height, objects.backends.height, objects.services) == (0, 0, {})


def test_an_object_that_is_not_valid() -> None:
    with pytest.raises(ValueError, match="Pod a: Expected `array"):
        Objects.of([{"kind": "Pod", "metadata": {"name": "a"}, "spec": {"containers": "x"}}])


def test_addresses_of_services() -> None:
    one = service({}, {"port": 80}, ip="FD00:0::7")
    assert Objects.of([one]).services == {"fd00::7": "shop/web"}
