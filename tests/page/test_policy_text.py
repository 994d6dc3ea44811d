"""Policies as YAML, and the lines of their rules."""

from __future__ import annotations

from page.policy_text import Lines, text
from policy.objects import Manifest

POLICY: Manifest = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "NetworkPolicy",
    "metadata": {
        "name": "web",
        "namespace": "shop",
        "annotations": {"flowmatrix/ingress-0": "one\ntwo: [\n"},
    },
    "spec": {
        "podSelector": {},
        "policyTypes": ["Ingress", "Egress"],
        "egress": [{"to": [{"ipBlock": {"cidr": "0.0.0.0/0"}}]}],
        "ingress": [
            {"from": [{"podSelector": {"matchLabels": {"app": "n"}}}], "ports": [{"port": 80}]},
            {},
            {"ports": [{"port": "http"}]},
        ],
    },
}


def test_the_lines_of_each_rule() -> None:
    written, lines = text(POLICY)
    found = written.splitlines()
    assert [one.rule for one in lines] == ["ingress[0]", "ingress[1]", "ingress[2]", "egress[0]"]
    shown = {one.rule: found[one.first - 1 : one.last] for one in lines}
    assert shown["ingress[0]"] == [
        *("  - from:", "    - podSelector:", "        matchLabels:", '          app: "n"'),
        *("    ports:", "    - port: 80"),
    ]
    assert shown["ingress[1]"] == ["  - {}"]
    assert shown["ingress[2]"] == ["  - ports:", '    - port: "http"']
    assert shown["egress[0]"] == ["  - to:", "    - ipBlock:", '        cidr: "0.0.0.0/0"']


def test_policies_without_rules() -> None:
    assert text({"kind": "NetworkPolicy", "metadata": {"name": "a"}, "spec": None})[1] == []
    empty = {**POLICY, "spec": {"podSelector": {}, "ingress": []}}
    assert text(empty)[1] == []
    one = {**POLICY, "spec": {"ingress": [{}]}}
    assert text(one)[1] == [Lines("ingress[0]", 13, 13)]
