"""Policies held against what was seen (tests/policy/verify/conftest.py)."""

from __future__ import annotations

import polars as pl
import pytest

from policy.judge.verdicts import Verdict
from policy.networkpolicy import NetworkPolicy
from policy.objects import Cluster
from policy.verify.verification import Coverage, Verification, verify

LABELS = ["10.0.0.0/8"]


@pytest.fixture
def found(policies: list[NetworkPolicy], seen: pl.DataFrame, cluster: Cluster) -> Verification:
    return verify(policies, seen, cluster)


def test_coverage_counts_what_was_established(found: Verification) -> None:
    """The attempt that nobody answered does not count."""
    assert found.coverage() == Coverage(edges=8, flows=26, bytes=1750)
    assert found.coverage(Verdict.ALLOWED) == Coverage(edges=3, flows=21, bytes=1250)
    assert found.coverage(Verdict.DENIED) == Coverage(edges=3, flows=3, bytes=300)
    assert found.coverage(Verdict.UNDECIDED, Verdict.UNKNOWN) == Coverage(2, 2, 200)


def test_what_would_be_denied_and_by_whom(found: Verification) -> None:
    rows = found.lost().select("client", "server", "protocol", "port", "isolated_by").rows()
    assert rows == [
        *[("Deployment shop/web", "StatefulSet shop/db", "UDP", 5432, ["shop/db ingress"])],
        *[("Pod mon/prom", "StatefulSet shop/db", "TCP", 9188, ["shop/db ingress"])],
        *[("Deployment shop/web", "3.5.9.1", "TCP", 443, ["shop/web egress"])],
    ]


def test_hits_of_rules_and_the_last_one(found: Verification) -> None:
    assert found.rules.rows() == [
        ("shop/db", "ingress[0]", 1, 19, 100.0),
        ("shop/db", "ingress[1]", 0, 0, None),
        ("shop/web", "ingress[0]", 1, 1, 60.0),
        ("shop/web", "egress[0]", 2, 20, 200.0),
        ("shop/web", "egress[1]", 1, 1, 60.0),
    ]


def test_what_is_allowed_and_was_never_seen(found: Verification) -> None:
    """By peer and port: one of two ports, one of two workloads, the range of an ipBlock."""
    rows = found.unused.select("policy", "rule", "own", "peer", "protocol", "port").rows()
    web, db = "Deployment shop/web", "StatefulSet shop/db"
    assert rows == [
        ("shop/db", "ingress[0]", db, web, "TCP", "5433"),
        ("shop/db", "ingress[1]", db, "Pod mon/prom", "TCP", "9187"),
        ("shop/web", "egress[0]", web, web, "any", "any"),
        ("shop/web", "egress[1]", web, "3.5.0.0/16 except 3.5.9.0/24", "UDP", "1-9"),
    ]


def test_workloads_that_no_policy_selects(found: Verification) -> None:
    """Pods on the host network cannot be selected, so they are not missed."""
    assert found.unselected.rows() == [
        ("Pod mon/prom", "ingress and egress"),
        ("StatefulSet shop/db", "egress"),
    ]


def test_network_events_beside_the_verdict(found: Verification) -> None:
    rows = found.edges.filter(pl.col("network_events") != "")
    assert rows.select("verdict", "network_events").rows() == [
        ("allowed", "allowed"),
        ("denied", "allowed"),
        ("allowed", "denied"),
    ]
    events = found.disagreements().select("verdict", "network_events", "policies").rows()
    assert events == [
        ("denied", "allowed", ["allowed shop/old"]),
        ("allowed", "denied", ["denied shop/deny"]),
    ]


def test_one_namespace(policies: list[NetworkPolicy], seen: pl.DataFrame, cluster: Cluster) -> None:
    found = verify(policies, seen, cluster, namespace="mon")
    assert found.edges["client"].to_list() == ["Pod mon/prom"] * 3
    assert found.unselected["workload"].to_list() == ["Pod mon/prom"]


def test_nothing(cluster: Cluster, seen: pl.DataFrame) -> None:
    found = verify([], seen.clear(), cluster)
    assert found.coverage() == Coverage(0, 0, 0)
    assert (found.rules.height, found.unused.height, found.lost().height) == (0, 0, 0)
