"""The endpoints behind the ends of edges. Verdicts: test_evaluator.py."""

from __future__ import annotations

import pytest

from policy.ends import End
from policy.judge.ends import TEMPLATE, Ends, Place, UnknownEndError
from policy.judge.groups import Groups
from policy.objects import Cluster, Manifest
from tests.support.policies import end, node, pod

SERVICE: Manifest = {
    "kind": "Service",
    "metadata": {"namespace": "shop", "name": "web"},
    "spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": "http"}]},
}


def ends(*manifests: Manifest) -> Ends:
    cluster = Cluster(manifests)
    return Ends(cluster, [], Groups([], cluster))


def at(found: Ends, text: str, port: int | None = None) -> list[Place]:
    return found.places(End(**end(text)), "TCP", port)


def test_the_pods_of_a_workload_are_places_with_their_names() -> None:
    pods = [pod(f"shop/web-{n}", f"10.0.0.{n}", owner="ReplicaSet/web") for n in (1, 2)]
    found = at(ends(*pods), "ReplicaSet/shop/web", 80)
    assert found == [Place(0, None, "web-1", 2)]


def test_one_endpoint_is_alone() -> None:
    places = [Place(0, None, "a"), Place(0, None, "a", 2), Place(0, None, TEMPLATE)]
    assert [one.alone for one in places] == ["a", None, None]


def test_a_service_leads_to_the_port_that_each_pod_calls_so() -> None:
    """During an update the same name may be another number."""
    pods = [
        pod(f"shop/web-{port}", f"10.0.0.{n}", labels={"app": "web"}, ports={"http": port})
        for n, port in enumerate((8080, 9090), 1)
    ]
    found = at(ends(SERVICE, *pods), "Service/shop/web", 80)
    assert [(one.port, one.name) for one in found] == [(8080, "web-8080"), (9090, "web-9090")]


def test_a_service_as_the_client_is_its_pods() -> None:
    found = at(
        ends(SERVICE, pod("shop/web", "10.0.0.1", labels={"app": "web"})), "Service/shop/web"
    )
    assert found == [Place(0, None, "web")]


def test_a_node_has_its_addresses() -> None:
    found = at(ends(node("n1", "192.168.0.1", "fd00::1")), "Node//n1")
    assert [(one.name, one.size) for one in found] == [("n1", 1), ("n1", 1)]


@pytest.mark.parametrize("text", ["10.0.0.1", "::FFFF:10.0.0.1"])
def test_the_address_of_a_pod_is_the_pod(text: str) -> None:
    known = ends(pod("shop/web", "10.0.0.1"))
    assert at(known, text)[0].group == at(known, "Pod/shop/web")[0].group


def test_an_end_without_anything() -> None:
    with pytest.raises(UnknownEndError, match="unknown: no address"):
        ends().places(End("", "", "", "", ""))
