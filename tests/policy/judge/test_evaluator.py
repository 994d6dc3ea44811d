"""Verdicts of edges, case by case of the documents of Kubernetes."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.kube.subnets import Label
from policy.judge.evaluator import Evaluator
from policy.networkpolicy import NetworkPolicy
from policy.objects import Cluster
from tests.support.policies import edge, edges, namespace, node, pod, policy

CLUSTER = Cluster(
    [
        namespace("shop", team="a"),
        namespace("mon"),
        node("n1", "192.168.0.1"),
        node("n2", "192.168.0.2"),
        pod(
            "shop/web-1", "10.1.0.1", labels={"app": "web", "tier": "front"},
            ports={"http": 8080, "udp-dns": 53}, node="n1",
        ),
        pod("shop/db-1", "10.1.0.2", labels={"app": "db"}, ports={"http": 5432}),
        pod("mon/prom-1", "10.2.0.1", labels={"app": "prom"}),
        pod("mon/agent-1", "192.168.0.1", labels={"app": "agent"}, node="n1", host=True),
    ]
)  # fmt: skip
WEB, DB, PROM, AGENT = "Pod/shop/web-1", "Pod/shop/db-1", "Pod/mon/prom-1", "Pod/mon/agent-1"


def one(spec: str, *row: Any, name: str = "shop/p") -> dict[str, Any]:
    return judged([policy(name, spec)], *row)


def judged(policies: list[NetworkPolicy], *row: Any, cluster: Cluster = CLUSTER) -> dict[str, Any]:
    found = Evaluator(policies, cluster, LABELS).judge(edges(edge(*row))).verdicts
    return found.row(0, named=True)


LABELS = [Label("EXT:aws", ["3.5.0.0/16", "3.7.0.0/16"]), Label("none", [])]


def test_without_policies_everything_is_open() -> None:
    assert judged([], PROM, WEB) == {
        "edge": 0,
        "verdict": "allowed",
        "egress": "open",
        "ingress": "open",
        "allowed_by": [],
        "isolated_by": [],
        "why": "",
    }


def test_a_policy_isolates_only_the_pods_and_directions_that_it_is_for() -> None:
    spec = "podSelector: {matchLabels: {app: web}}"
    assert one(spec, PROM, WEB)["verdict"] == "denied"
    assert one(spec, PROM, WEB)["isolated_by"] == ["shop/p ingress"]
    assert one(spec, WEB, PROM)["verdict"] == "allowed"
    assert one(spec, PROM, DB)["verdict"] == "allowed"
    assert one(spec, PROM, WEB, name="mon/p")["verdict"] == "allowed"


@pytest.mark.parametrize(
    ("spec", "out", "into"),
    [
        ("", "allowed", "denied"),
        ("policyTypes: [Egress]", "denied", "allowed"),
        ("policyTypes: [Ingress, Egress]", "denied", "denied"),
        ("egress: []", "allowed", "denied"),
        ("egress: [{ports: [{port: 1}]}]", "denied", "denied"),
        ("egress: [{}]", "allowed", "denied"),
        ("{policyTypes: [Ingress], egress: [{ports: [{port: 1}]}]}", "allowed", "denied"),
    ],
)
def test_defaults_of_policy_types(spec: str, out: str, into: str) -> None:
    """Ingress always, Egress where there are such rules; `policyTypes` says otherwise."""
    assert one(spec, WEB, PROM)["verdict"] == out
    assert one(spec, PROM, WEB)["verdict"] == into


PEERS = {
    "podSelector: {}": (False, True),
    "podSelector: {matchLabels: {app: db}}": (False, True),
    "namespaceSelector: {}": (True, True),
    "namespaceSelector: {matchLabels: {team: a}}": (False, True),
    "namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: mon}}": (True, False),
    "{namespaceSelector: {}, podSelector: {matchLabels: {app: prom}}}": (True, False),
    "{namespaceSelector: {matchLabels: {team: a}}, podSelector: {matchLabels: {app: prom}}}": (
        *(False, False),
    ),
    "podSelector: {matchExpressions: [{key: app, operator: In, values: [x, db]}]}": (False, True),
    "{namespaceSelector: {}, podSelector: {matchExpressions: [{key: tier, operator: NotIn,"
    " values: [front]}]}}": (True, True),
    "{namespaceSelector: {}, podSelector: {matchExpressions: [{key: app, operator: NotIn,"
    " values: [db]}]}}": (True, False),
    "namespaceSelector: {matchExpressions: [{key: team, operator: Exists}]}": (False, True),
    "namespaceSelector: {matchExpressions: [{key: team, operator: DoesNotExist}]}": (True, False),
    "namespaceSelector: {matchExpressions: [{key: team, operator: NotIn, values: [a]}]}": (
        *(True, False),
    ),
    "ipBlock: {cidr: 10.2.0.0/16}": (True, False),
    "ipBlock: {cidr: 10.0.0.0/8, except: [10.2.0.0/16]}": (False, True),
}


@pytest.mark.parametrize("peer", PEERS)
def test_peers(peer: str) -> None:
    """From another namespace and from the same one, for ingress and for egress."""
    for other, allowed in zip((PROM, DB), PEERS[peer], strict=True):
        expected = "allowed" if allowed else "denied"
        web = "podSelector: {matchLabels: {app: web}}\n"
        assert one(f"{web}ingress:\n- from:\n  - {peer}", other, WEB)["verdict"] == expected
        spec = f"{web}policyTypes: [Egress]\negress:\n- to:\n  - {peer}"
        assert one(spec, WEB, other)["verdict"] == expected
