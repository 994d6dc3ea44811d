"""Our verdicts against those of cyclonus and kube-network-policies, on policies made at random.

What they are known to get wrong is not asked: cyclonus takes `NotIn` for false where the key is
missing, and both judge connections of a pod to itself as any other.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product

import pytest
from hypothesis import given, settings

from policy import checks
from policy.judge.evaluator import Evaluator
from policy.networkpolicy import parse
from policy.objects import Cluster, Manifest
from tests.real.policy_evaluators import Evaluators, Question
from tests.support.policies import edge, edges, namespace, netpol, pod
from tests.support.policy_cases import OUTSIDE, PORTS, Case, cases


def questions(pods: Iterable[Manifest]) -> list[Question]:
    places = [ip["ip"] for one in pods for ip in one["status"]["podIPs"]] + OUTSIDE
    return [
        Question(client, server, number, protocol)
        for client, server in product(places, places)
        if client != server and (":" in client) == (":" in server)
        for number, protocol in PORTS
    ]


def ours(case: Case, asked: list[Question]) -> list[bool]:
    spaces, pods, policies = case
    cluster = Cluster([*spaces, *pods])
    frame = edges(*(edge(one.source, one.destination, one.port, one.protocol) for one in asked))
    verdicts = Evaluator([parse(one) for one in policies], cluster).judge(frame).verdicts
    assert set(verdicts["verdict"]) <= {"allowed", "denied"}
    return [verdict == "allowed" for verdict in verdicts["verdict"]]


def cyclonus_is_right(policies: list[Manifest]) -> bool:
    return "NotIn" not in str(policies)


@pytest.mark.slow
@given(case=cases())
@settings(max_examples=150)
def test_other_evaluators_agree(policy_evaluators: Evaluators, case: Case) -> None:
    spaces, pods, policies = case
    assert [checks.problems(one) for one in policies] == [[]] * len(policies)
    asked = questions(pods)
    theirs = policy_evaluators.ask(namespaces=spaces, pods=pods, policies=policies, questions=asked)
    found = ours(case, asked)
    names = ["kube-network-policies", *(["cyclonus"] if cyclonus_is_right(policies) else [])]
    for name in names:
        differing = [one for one, a, b in zip(asked, found, theirs[name], strict=True) if a != b]
        assert differing == [], name


def test_what_cyclonus_is_known_to_get_wrong(policy_evaluators: Evaluators) -> None:
    """The reason why it is not asked where `NotIn` is used: Kubernetes matches a missing key."""
    pods = [pod("a/p1", "10.0.1.1", "fd00:1::1"), pod("a/p2", "10.0.1.2", "fd00:1::2")]
    expression = {"key": "app", "operator": "NotIn", "values": ["web"]}
    peers = [{"podSelector": {"matchExpressions": [expression]}}]
    policies = [netpol("a/p", "") | {"spec": {"ingress": [{"from": peers}]}}]
    case = [namespace("a")], pods, policies
    asked = [Question("10.0.1.1", "10.0.1.2", 80)]
    theirs = policy_evaluators.ask(
        namespaces=case[0], pods=pods, policies=policies, questions=asked
    )
    assert theirs == {"cyclonus": [False], "kube-network-policies": [True]}
    assert ours(case, asked) == [True]
