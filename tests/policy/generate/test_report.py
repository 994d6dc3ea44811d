"""The report: 80 columns for people, JSON for programs."""

from __future__ import annotations

import json

from policy.generate import report
from policy.generate.report import Finding, Report, Topic, Written, unique

LONG = "Deployment shop/web -> 203.0.113.7 TCP 443 (Service shop/a-service-with-a-long-name:443)"
FINDINGS = [
    Finding(Topic.NO_RULE, "shop", f"Egress: {LONG}", "the address has no subnet label"),
    Finding(Topic.LEFT_OPEN, "shop", "Deployment shop/web", "Ingress"),
]
ONE = Report(
    ["shop"],
    ("2025-10-28T10:00:00Z", "2025-10-28T10:05:00Z"),
    "sha256:0123456789ab (3)",
    5,
    4,
    [Written("shop", "web", "Deployment shop/web", None, 1, "learning")],
    FINDINGS,
)


def test_the_text_has_80_columns() -> None:
    assert report.text(ONE) == (
        "shop: 4 of 5 established edges have their rule, 1 policy\n"
        "seen from 2025-10-28T10:00:00Z to 2025-10-28T10:05:00Z, subnet labels\n"
        "  sha256:0123456789ab (3)\n"
        "  shop/web for Deployment shop/web: ingress open, egress 1 rule, learning\n"
        "\n"
        "Established, but without a rule:\n"
        "  Egress: Deployment shop/web -> 203.0.113.7 TCP 443 (Service\n"
        "    shop/a-service-with-a-long-name:443): the address has no subnet label\n"
        "\n"
        "Left open, there is no rule in this direction:\n"
        "  Deployment shop/web: Ingress\n"
    )


def test_nothing_moves_the_cursor() -> None:
    found = ONE._replace(findings=[Finding(Topic.NOTE, "shop", "a\x1b[31m", "b\rc")])
    assert not set("\x1b\r") & set(report.text(found))


def test_the_json_has_the_same() -> None:
    found = json.loads(report.json(ONE))
    assert found["edges"] == {"established": 5, "with_rule": 4}
    assert found["complete"] is False
    assert found["policies"] == [
        {
            "namespace": "shop",
            "name": "web",
            "workload": "Deployment shop/web",
            "ingress": None,
            "egress": 1,
            "readiness": "learning",
        }
    ]
    assert found["findings"][1] == {
        "topic": "left_open",
        "namespace": "shop",
        "subject": "Deployment shop/web",
        "message": "Ingress",
    }


def test_only_some_topics_make_it_incomplete() -> None:
    assert not ONE.is_complete
    assert ONE._replace(findings=FINDINGS[1:]).is_complete


def test_findings_are_sorted_and_told_once() -> None:
    assert list(unique([*FINDINGS[::-1], *FINDINGS])) == FINDINGS


def test_a_scan_does_not_flood_the_text() -> None:
    """What makes the exit code 3 is there in full, of the rest the first ones; JSON has all."""
    many = [
        Finding(topic, "shop", f"edge {number}")
        for topic in (Topic.NO_RULE, Topic.NOT_ESTABLISHED)
        for number in range(1000)
    ]
    found = ONE._replace(findings=many)
    lines = report.text(found).splitlines()
    assert len([line for line in lines if line.startswith("  edge ")]) == 1000 + 20
    assert lines[-1] == "  and 980 more: --report has all"
    assert len(json.loads(report.json(found))["findings"]) == 2000
