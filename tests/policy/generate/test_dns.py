"""A resolver that a user declares."""

from __future__ import annotations

from typing import Any

import pytest

from policy.generate.dns import NoResolverError, Resolver
from policy.generate.draft import Port, Rule
from policy.generate.networks import Networks
from policy.generate.peers import Peers
from policy.generate.selection import Selections
from policy.objects import Cluster, Manifest

LABELS = {"k8s-app": "kube-dns"}


def objects(target: int | str) -> list[Manifest]:
    ports: list[dict[str, Any]] = [
        {"name": "dns", "protocol": "UDP", "port": 53, "targetPort": target},
        {"name": "metrics", "protocol": "TCP", "port": 9153, "targetPort": 9153},
    ]
    container = {"ports": [{"name": "dns", "protocol": "UDP", "containerPort": 5353}]}
    return [
        {
            "kind": "Service",
            "metadata": {"namespace": "kube-system", "name": "kube-dns"},
            "spec": {"selector": LABELS, "ports": ports},
        },
        {
            "kind": "Service",
            "metadata": {"namespace": "kube-system", "name": "empty"},
            "spec": {"selector": {"no": "pod"}, "ports": ports},
        },
        {
            "kind": "Deployment",
            "metadata": {"namespace": "kube-system", "name": "coredns"},
            "spec": {"selector": {"matchLabels": LABELS}},
        },
        {
            "kind": "Pod",
            "metadata": {
                "namespace": "kube-system",
                "name": "coredns-1",
                "labels": LABELS,
                "ownerReferences": [{"kind": "Deployment", "name": "coredns", "controller": True}],
            },
            "spec": {"containers": [container]},
            "status": {"podIP": "10.1.0.53"},
        },
    ]


def resolver(name: str, target: int | str = 53) -> Resolver:
    given = objects(target)
    cluster = Cluster(given)
    return Resolver(name, cluster, Peers(Selections(cluster), Networks(given, [])))


@pytest.mark.parametrize(("target", "more"), [(53, []), ("dns", [5353]), (5353, [5353])])
def test_both_protocols_at_port_53_and_the_port_of_the_pods(
    target: int | str, more: list[int]
) -> None:
    (rule,) = resolver("kube-system/kube-dns", target).rules([])
    assert rule.is_declared
    assert [peer.name for peer in rule.peers] == ["Deployment kube-system/coredns"]
    assert rule.ports == tuple(Port(p, n) for p in ("TCP", "UDP") for n in (53, *more))


def test_only_what_was_not_seen_is_declared() -> None:
    one = resolver("kube-system/kube-dns")
    (declared,) = one.rules([])
    seen = Rule(declared.peers, (Port("UDP", 53),), ("seen",))
    assert [rule.ports for rule in one.rules([seen])] == [(Port("TCP", 53),)]
    assert one.rules([seen, declared]) == []


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "kube-system/kubedns",
            (
                '"kube-system/kubedns" is not a Service of the objects;'
                ' did you mean "kube-system/kube-dns"?'
            ),
        ),
        ("dns", '"dns" is not a Service of the objects'),
        ("kube-system/empty", "no pod is behind the Service kube-system/empty"),
    ],
)
def test_a_resolver_that_is_not_there(name: str, message: str) -> None:
    with pytest.raises(NoResolverError) as refused:
        resolver(name)
    assert str(refused.value) == message
