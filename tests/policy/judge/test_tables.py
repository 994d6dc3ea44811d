"""Policies as tables. What they mean: test_evaluator.py."""

from __future__ import annotations

from pipeline.flows import cidr
from policy.judge.groups import Group
from policy.judge.tables import Part, compile_policies, taken_apart
from policy.networkpolicy import Direction
from policy.objects import Cluster
from policy.parts import NamedPort
from tests.support.policies import namespace, policy

NET = cidr.network("10.0.0.0/8")
assert NET
GROUPS = [
    Group("shop", (("app", "web"),), (NamedPort("http", "TCP", 8080),), frozenset([NET]), 4),
    Group("shop", (("app", "db"),), (), frozenset([NET]), 4),
    Group("mon", (("app", "web"),), (NamedPort("http", "TCP", 80),)),
    Group("shop", (("app", "web"),), on_host=True),
    Group(networks=frozenset([NET]), family=4),
]
POLICY = policy(
    "shop/p",
    """
podSelector: {matchLabels: {app: web}}
policyTypes: [Ingress]
ingress:
- from: [{namespaceSelector: {matchLabels: {team: b}}}, {ipBlock: {cidr: 10.0.0.0/8}}]
  ports: [{port: http}, {port: 1, endPort: 2}]
- {}
egress:
- {}
""",
)


def test_tables() -> None:
    cluster = Cluster([namespace("mon", team="b")])
    found = compile_policies([POLICY], GROUPS, cluster)
    assert [str(one.rule) for one in found.parts] == [
        *["ingress[0]"] * 4,
        "ingress[1]",
        "egress[0]",
    ]
    ingress = found.by_direction[Direction.INGRESS]
    assert sorted(ingress.isolating.rows()) == [(0, 0), (3, 0)]
    assert sorted(ingress.rules.rows()) == [
        *((0, rule, False, False) for rule in range(4)),
        (0, 4, True, True),
    ]
    of_monitoring, of_block = (
        [(0, 2), (1, 2)],
        [(rule, peer) for rule in (2, 3) for peer in (0, 1, 4)],
    )
    assert sorted(ingress.peers.rows()) == of_monitoring + of_block
    assert sorted(ingress.ports.rows()) == [(1, "TCP", 1, 2), (3, "TCP", 1, 2)]
    assert sorted(ingress.named.rows()) == [
        (rule, server, "TCP", port) for rule in (0, 2) for server, port in ((0, 8080), (2, 80))
    ]


def test_a_rule_is_taken_apart_by_peers_and_ports() -> None:
    """What names none stays whole: it is for all."""
    parts = list(taken_apart([POLICY]))
    rule = POLICY.rules[0]
    assert [(one.peer, one.port) for one in parts[:4]] == [
        (peer, port) for peer in rule.peers for port in rule.ports
    ]
    assert parts[4:] == [Part(0, rule, None, None) for rule in POLICY.rules[1:]]


def test_a_direction_that_a_policy_is_not_about_has_no_rules() -> None:
    egress = compile_policies([POLICY], GROUPS, Cluster([])).by_direction[Direction.EGRESS]
    assert [frame.height for frame in egress] == [0] * 5
