from __future__ import annotations

import json

import polars as pl
import pytest

from policy.networkpolicy import NetworkPolicy
from policy.objects import Cluster
from policy.verify import report
from policy.verify.difference import difference
from policy.verify.verification import Verification, verify


@pytest.fixture
def found(policies: list[NetworkPolicy], seen: pl.DataFrame, cluster: Cluster) -> Verification:
    return verify(policies, seen, cluster)


def test_a_terminal_sees_coverage_and_then_what_to_look_at(found: Verification) -> None:
    text = report.text(found)
    assert text.startswith(
        "allowed: 3 of 8 edges, 21 of 26 flows, 1.2 KiB of 1.7 KiB\n"
        "denied: 3 of 8 edges, 3 of 26 flows, 300 B of 1.7 KiB\n"
        "not decided by policy: 1 of 8 edges, 1 of 26 flows, 100 B of 1.7 KiB\n"
        "not known: 1 of 8 edges, 1 of 26 flows, 100 B of 1.7 KiB\n"
        "network events: 1 of 3 edges agree with these policies\n"
    )
    titles = [line for line in text.splitlines() if line.endswith(")") and line[0].isupper()]
    assert titles == [
        "Would be denied (3)",
        "Not decided by policy (1)",
        "Not known (1)",
        "Network events say otherwise (2)",
        "Rules (5)",
        "Allowed and never seen (4)",
        "Not isolated by any policy (2)",
    ]
    assert "Deployment shop/web  3.5.9.1" in text


def test_a_terminal_gets_the_first_rows_only(
    policies: list[NetworkPolicy], seen: pl.DataFrame, cluster: Cluster
) -> None:
    many = pl.concat([seen] * 30)
    text = report.text(verify(policies, many, cluster))
    assert "Would be denied (90)" in text
    assert "note: 40 more, in JSON" in text


def test_json_has_everything(found: Verification) -> None:
    document = json.loads(report.json(found))
    assert document["coverage"]["seen"] == {"edges": 8, "flows": 26, "bytes": 1750}
    assert document["coverage"]["denied"]["edges"] == 3
    assert [len(document[name]) for name in ("edges", "rules", "never_seen", "not_selected")] == [
        *(9, 5, 4, 2),
    ]
    assert document["edges"][0]["allowed_by"] == ["shop/db ingress[0]", "shop/web egress[0]"]
    assert [row["network_events"] for row in document["disagreements"]] == ["allowed", "denied"]


def test_differences(policies: list[NetworkPolicy], seen: pl.DataFrame, cluster: Cluster) -> None:
    found = difference(policies, policies[:1], seen, cluster)
    text = report.difference_text(found)
    assert "Verdicts that change (1)" in text
    assert "Workloads that become isolated or open (2)" in text
    assert "Permissions that are added or gone" in text
    assert json.loads(report.difference_json(found))["isolation"][0]["change"] == "open"
    same = difference(policies, policies, seen, cluster)
    assert report.difference_text(same) == "nothing changes\n"
