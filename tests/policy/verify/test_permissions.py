from __future__ import annotations

from policy.judge.groups import Groups
from policy.judge.tables import compile_policies
from policy.networkpolicy import NetworkPolicy
from policy.objects import Cluster
from policy.verify.permissions import ANYONE, EVERY_POD, Workloads, isolated, permissions
from tests.support.policies import pod, policy

CLUSTER = Cluster(
    [
        pod("shop/web-1", labels={"app": "web"}, owner="Deployment/web"),
        pod("shop/db", labels={"app": "db"}),
        pod("mon/prom"),
        pod("shop/agent", labels={"app": "web"}, host=True),
    ]
)


def permitted(one: NetworkPolicy) -> list[tuple[str, ...]]:
    tables = compile_policies([one], Groups([one], CLUSTER).all, CLUSTER)
    found = permissions(tables, Workloads(CLUSTER))
    return found.select("rule", "own", "peer", "protocol", "port").rows()


def test_workloads_not_pods() -> None:
    spec = "{podSelector: {matchLabels: {app: db}}, ingress: [{from: [{podSelector: {}}]}]}"
    assert permitted(policy("shop/p", spec)) == [
        ("ingress[0]", "Pod shop/db", "Deployment shop/web", "any", "any"),
        ("ingress[0]", "Pod shop/db", "Pod shop/db", "any", "any"),
    ]


def test_peers_that_are_no_workloads() -> None:
    spec = "{podSelector: {matchLabels: {app: db}}, policyTypes: [Egress], egress: ["
    spec += "{}, {to: [{namespaceSelector: {}}]}, {to: [{ipBlock: {cidr: 10.0.0.0/8}}]}]}"
    assert [row[2] for row in permitted(policy("shop/p", spec))] == [
        ANYONE,
        EVERY_POD,
        "10.0.0.0/8",
    ]


def test_ports() -> None:
    spec = "{podSelector: {matchLabels: {app: db}}, ingress: [{ports: [{port: 1, endPort: 2},"
    spec += " {protocol: UDP}, {port: http}]}]}"
    assert [row[3:] for row in permitted(policy("shop/p", spec))] == [
        ("TCP", "1-2"),
        ("UDP", "any"),
        ("TCP", "http"),
    ]


def test_rules_of_a_direction_that_the_policy_is_not_about_permit_nothing() -> None:
    assert permitted(policy("shop/p", "{policyTypes: [Ingress], egress: [{}]}")) == []


def test_who_is_isolated() -> None:
    policies = [policy("shop/p", "policyTypes: [Egress]"), policy("none/p", "")]
    assert isolated(policies, Workloads(CLUSTER)) == {
        ("egress", "Deployment shop/web"),
        ("egress", "Pod shop/db"),
    }
