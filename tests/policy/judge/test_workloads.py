"""A workload is judged as its pods are: on policies made at random."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given, settings

from policy.judge.evaluator import Evaluator
from policy.networkpolicy import parse
from policy.objects import Cluster, Manifest
from tests.support.policies import edge, edges
from tests.support.policy_cases import OUTSIDE, PORTS, Case, cases


def owned(pods: list[Manifest]) -> dict[str, list[Manifest]]:
    """The pods by workload: the first two of each namespace belong together."""
    found: dict[str, list[Manifest]] = {}
    for one in pods:
        meta = one["metadata"]
        name = "alone" if meta["name"] == "p3" else "pair"
        meta["ownerReferences"] = [{"kind": "DaemonSet", "name": name, "controller": True}]
        found.setdefault(f"DaemonSet/{meta['namespace']}/{name}", []).append(one)
    return found


def addresses(ends: dict[str, list[Manifest]], end: str) -> list[str]:
    return (
        [ip["ip"] for one in ends[end] for ip in one["status"]["podIPs"]] if end in ends else [end]
    )


@pytest.mark.slow
@given(case=cases())
@settings(max_examples=100)
def test_a_workload_is_as_all_its_pods(case: Case) -> None:
    spaces, pods, policies = case
    ends = owned(pods)
    evaluator = Evaluator([parse(one) for one in policies], Cluster([*spaces, *pods]))
    names = [*ends, OUTSIDE[0], OUTSIDE[-1]]
    rows = [(a, b, *port) for a, b in product(names, names) for port in PORTS]
    pairs = [
        (number, one, other, *row[2:])
        for number, row in enumerate(rows)
        for one, other in product(addresses(ends, row[0]), addresses(ends, row[1]))
        if (":" in one) == (":" in other) and one != other
    ]
    by_pair = evaluator.judge(edges(*(edge(*pair[1:]) for pair in pairs))).verdicts["verdict"]
    expected: dict[int, set[str]] = {}
    for pair, verdict in zip(pairs, by_pair, strict=True):
        expected.setdefault(pair[0], set()).add(verdict)
    found = evaluator.judge(edges(*(edge(*row) for row in rows))).verdicts["verdict"]
    for number, verdict in enumerate(found):
        if (kinds := expected.get(number)) is not None:
            assert verdict == (kinds.pop() if len(kinds) == 1 else "differs"), rows[number]
