"""From facts to edges, all steps together."""

from __future__ import annotations

from typing import Any

import polars as pl

from matrix.derive import edges
from matrix.edges import EDGES
from matrix.facts import Facts
from matrix.objects import Objects
from pipeline.kube.subnets import Label
from pipeline.stage.edge_facts import ATTRIBUTES
from simulate.mixed import mixed
from tests.support.edges import counted, edge_facts, ends, enriched, fact, on_days, shown

WEB, API = "Deployment/shop/web", "Deployment/shop/api"
SAID = {**dict.fromkeys(ATTRIBUTES.labels, pl.String()), "port": pl.Int32(), "flows": pl.Int64()}
PARTNER = [Label("partner", ["203.0.113.0/24"])]


def of(*facts: dict[str, Any], said: list[dict[str, Any]] | None = None) -> Facts:
    return Facts(edge_facts(*facts), pl.DataFrame(said or [], schema=SAID), 0)


def saying(client: str, server: str, port: int | None, what: str, value: str) -> dict[str, Any]:
    place = {"protocol": "TCP", "port": port, "flows": 1}
    return ends(client, server) | place | {"attribute": what, "value": value}


def test_no_facts_are_no_edges() -> None:
    found = edges(of())
    assert (found.schema, found.height) == (EDGES, 0)


def test_addresses_get_the_label_they_have_by_now() -> None:
    """The rows become one, and with the label a port is known to be the server's."""
    facts = of(
        fact(WEB, "203.0.113.7", 7777, flows=1, syn=1),
        fact(WEB, "203.0.113.8", 7777, flows=2, evidence="range", ports=(40_000, 40_000)),
        fact(WEB, "label:partner", 7777, flows=4, syn=4),
        fact(WEB, "198.51.100.7", 7777, flows=8, syn=8),
    )
    assert shown(edges(facts, labels=PARTNER), "flows", "evidence") == [
        ("web", "198.51.100.7", 7777, 8, "syn"),
        ("web", "partner", 7777, 7, "syn"),
    ]
    assert edges(facts).height == 4


def test_what_was_said_goes_with_the_edge() -> None:
    """Also where the ends have changed places, and where a Service is on the way."""
    service = {
        "kind": "Service",
        "metadata": {"name": "api", "namespace": "shop"},
        "spec": {"clusterIP": "172.30.0.7", "selector": {"app": "api"}, "ports": [{"port": 80}]},
    }
    pod = {
        "kind": "Pod",
        "metadata": {
            "name": "api-1",
            "namespace": "shop",
            "labels": {"app": "api"},
            "ownerReferences": [{"kind": "ReplicaSet", "name": "api-1"}],
        },
        "status": {"podIPs": [{"ip": "10.1.0.1"}]},
    }
    replicas = {
        "kind": "ReplicaSet",
        "metadata": {
            "name": "api-1",
            "namespace": "shop",
            "ownerReferences": [{"kind": "Deployment", "name": "api"}],
        },
    }
    facts = of(
        fact(WEB, "Service/shop/api", 80, flows=1, syn=1),
        *(
            fact(API, WEB, 2000 + n, ports=(50_051, 50_051), evidence="range", **on_days(1, 2 + n))
            for n in (0, 1)
        ),
        said=[
            saying(WEB, "Service/shop/api", 80, "tls_version", "TLS 1.3"),
            saying(API, WEB, 2001, "service", "172.30.0.7:80"),
        ],
    )
    found = edges(facts, Objects.of([service, pod, replicas]))
    assert shown(found, "tls_versions", "days", "services") == [
        ("web", "api", 50_051, [], ["1970-01-02", "1970-01-03", "1970-01-04"], ["shop/api:80"]),
        ("web", "api", 80, ["TLS 1.3"], [], ["shop/api:80"]),
    ]


def test_days_come_with_the_flows() -> None:
    """Of a simulated window, in all edges, through the stage."""
    scenario = mixed()
    facts = counted(enriched(frame, scenario.cluster) for frame in scenario.frames)
    found = edges(facts, Objects.of(scenario.cluster.manifests))
    assert found["days"].list.join(" ").unique().to_list() == ["2025-10-28"]
    start, end = (moment / 1000 for moment in scenario.window)
    assert start <= found["first_seen"].min()  # type: ignore[operator]
    assert found["last_seen"].max() <= end  # type: ignore[operator]


def test_a_deleted_pod_is_not_a_client_of_the_internet() -> None:
    """Without objects, each has a row: the label of its network, or its address."""
    found = edges(of(*(fact(end, WEB, 80) for end in ("label:Pods", "10.128.1.9", "192.0.2.1"))))
    assert [row[0] for row in shown(found)] == ["10.128.1.9", "192.0.2.1", "Pods"]


def test_edges_stand_by_namespace_and_name() -> None:
    names = ["CronJob/b/a", "Deployment/a/b", "StatefulSet/a/a", "label:x", "Node//n1"]
    found = edges(of(*(fact(name, API, 80) for name in names)))
    assert found["client_workload"].to_list() == ["", "n1", "a", "b", "a"]
