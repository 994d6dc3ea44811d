"""Pods in little memory, by what they are asked for."""

from __future__ import annotations

from typing import Any

import pytest

from policy.parts import NamedPort, Pod, Reference
from policy.pods import Pods
from policy.selectors import LabelSelector

WEB, OLD = Reference("ReplicaSet", "shop", "web-1"), Reference("ReplicaSet", "shop", "web-0")
DEPLOYMENT = Reference("Deployment", "shop", "web")


def web(name: str, *addresses: str, owner: Reference = WEB, **more: Any) -> Pod:
    made = Pod("shop", name, {"app": "web"}, addresses, f"node-of-{name}", owners=(owner,))
    return made._replace(**more)


GIVEN = [
    web("web-1-b", "10.0.0.2"),
    Pod("shop", "alone", {"app": "web"}, ("10.0.0.9",)),
    web("web-1-a", "10.0.0.1", "fd00::1"),
    web("web-0-a", "10.0.0.3", owner=OLD, has_ended=True),
    web("web-1-h", "192.168.0.1", on_host_network=True),
    web("web-1-a", "10.0.0.4", namespace="bank", owner=WEB._replace(namespace="bank")),
    web("web-1-p", ports=(NamedPort("http", "TCP", 80),)),
]


@pytest.fixture
def pods() -> Pods:
    found = Pods()
    for one in GIVEN:
        found.add(one)
    found.climb(lambda owner: (owner, owner._replace(kind="Deployment", name="web")))
    return found


def names(found: list[Pod]) -> list[str]:
    return [one.name for one in found]


def test_each_pod_as_it_was_added_with_all_its_owners(pods: Pods) -> None:
    deployment = {one: DEPLOYMENT._replace(namespace=one) for one in ("shop", "bank")}
    assert list(pods) == [
        one._replace(owners=(*one.owners, deployment[one.namespace])) if one.owners else one
        for one in GIVEN
    ]
    assert (len(pods), pods[1]) == (7, GIVEN[1])


def test_pods_that_are_alike_are_kept_once(pods: Pods) -> None:
    """Those that differ in owner, namespace, ports, or whether they live, are not alike."""
    assert len(pods.alike) == 6
    assert [one.name for one in pods.alike] == ["", "alone", *[""] * 4]
    assert {one.addresses for one in pods.alike} == {()}


def test_the_pods_of_each_owner_in_the_order_of_all(pods: Pods) -> None:
    assert names(pods.of(WEB)) == ["web-1-b", "web-1-a", "web-1-h", "web-1-p"]
    assert names(pods.of(DEPLOYMENT)) == ["web-1-b", "web-1-a", "web-0-a", "web-1-h", "web-1-p"]
    assert pods.of(Reference("Deployment", "shop", "db")) == []


def test_living_pods_by_a_selector(pods: Pods) -> None:
    selector = LabelSelector({"app": "web"})
    assert names(pods.selected("shop", selector)) == [
        *("web-1-b", "alone", "web-1-a", "web-1-h", "web-1-p")
    ]
    assert names(pods.selected("bank", selector)) == ["web-1-a"]
    assert pods.selected("shop", LabelSelector({"app": "db"})) == []


def test_pods_by_name(pods: Pods) -> None:
    """A name is of a namespace; a former pod may have had it too."""
    assert [one.addresses for one in pods.named("shop", "web-1-a")] == [("10.0.0.1", "fd00::1")]
    assert [one.addresses for one in pods.named("bank", "web-1-a")] == [("10.0.0.4",)]
    assert pods.named("shop", "web") == []
    found = Pods()
    for end in (True, False):
        found.add(web("web-2", has_ended=end))
    assert [one.has_ended for one in found.named("shop", "web-2")] == [True, False]


def test_what_is_at_an_address_that_is_a_living_pods_alone(pods: Pods) -> None:
    assert set(pods.by_address) == {"10.0.0.1", "10.0.0.2", "10.0.0.4", "10.0.0.9", "fd00::1"}
    assert pods.by_address["fd00::1"].workload == DEPLOYMENT
    assert str(pods.by_address["10.0.0.9"].workload) == "Pod shop/alone"


def test_pods_with_the_addresses_of_their_nodes(pods: Pods) -> None:
    assert [(one.name, one.node) for one in pods.on_host_network()] == [
        ("web-1-h", "node-of-web-1-h")
    ]
