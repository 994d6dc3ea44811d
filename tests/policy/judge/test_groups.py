from __future__ import annotations

import ipaddress
from typing import Any

import pytest

from pipeline.flows import cidr
from policy.judge.groups import ANY_FAMILY, Group, Groups
from policy.objects import Cluster
from policy.parts import NamedPort, Pod
from tests.support.policies import pod, policy

POLICIES = [
    policy("shop/a", "{podSelector: {matchLabels: {app: x}}, ingress: [{ports: [{port: http}]}]}"),
    policy(
        "shop/b",
        "ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.0/16]}}]}]",
    ),
]
PORT = NamedPort("http", "TCP", 80)
LABELS = {"app": "web", "pod-template-hash": "1"}


def network(text: str) -> Any:
    found = cidr.network(text)
    assert found
    return found


def test_pods_are_alike_in_what_policies_see() -> None:
    """Neither another label, nor another port, nor another address of the same networks matters."""
    groups = Groups(POLICIES, Cluster([]))
    one = Pod("shop", "web-1", LABELS, ("10.1.0.1",), ports=(PORT, NamedPort("x", "TCP", 1)))
    other = one._replace(labels={"app": "web"}, addresses=("10.1.255.9",), ports=(PORT,))
    assert groups.of_pod(one) == groups.of_pod(other) == [0]
    networks = frozenset({network("10.0.0.0/8"), network("10.1.0.0/16")})
    assert groups.all == [Group("shop", (("app", "web"),), (PORT,), networks, 4)]


@pytest.mark.parametrize(
    "change",
    [
        {"namespace": "mon"},
        {"labels": {"app": "db"}},
        {"ports": (PORT._replace(number=81),)},
        {"addresses": ("10.2.0.1",)},
        {"addresses": ("fd00::1",)},
        {"addresses": ()},
        {"on_host_network": True},
    ],
)
def test_pods_differ_in_what_policies_see(change: dict[str, Any]) -> None:
    groups = Groups(POLICIES, Cluster([]))
    one = Pod("shop", "web-1", LABELS, ("10.1.0.1",), ports=(PORT,))
    assert groups.of_pod(one._replace(**change)) != groups.of_pod(one)


def test_a_pod_has_a_group_for_each_address() -> None:
    groups = Groups(POLICIES, Cluster([]))
    found = groups.of_pod(Pod("shop", "web-1", {}, ("10.1.0.1", "fd00::1")))
    assert [groups.all[number].family for number in found] == [4, 6]
    (alone,) = groups.of_pod(Pod("shop", "web-1", {}))
    assert groups.all[alone].family == ANY_FAMILY


def test_an_address_may_be_a_pods_or_a_nodes() -> None:
    cluster = Cluster([pod("shop/web", "10.1.0.1"), pod("shop/agent", "10.9.0.1", host=True)])
    groups = Groups(POLICIES, cluster)
    of_pod, of_host, outside = (
        groups.all[groups.of_address(ipaddress.ip_address(ip))]
        for ip in ("10.1.0.1", "10.9.0.1", "10.9.0.2")
    )
    assert (of_pod.namespace, of_pod.is_pod) == ("shop", True)
    assert (of_host.on_host, of_host.is_pod) == (True, False)
    assert (outside.on_host, outside.is_pod, outside.namespace) == (False, False, "")


def test_a_network_has_a_group_for_each_part_that_policies_tell_apart() -> None:
    groups = Groups(POLICIES, Cluster([]))
    found = dict(groups.of_network(network("8.0.0.0/6")))
    assert sorted(found.values()) == ["10.0.0.0", "10.1.0.0", "8.0.0.0"]
    assert dict(groups.of_network(network("10.1.2.0/24"))).keys() == {
        number for number, text in found.items() if text == "10.1.0.0"
    }
    assert [text for _, text in groups.of_network(network("fd00::/8"))] == ["fd00::"]
