"""The networks of NetworkPolicies as labels."""

from __future__ import annotations

from pathlib import Path

import pytest

from discovery.policies import proposals
from discovery.proposals import Proposal
from pipeline.diagnostics import Problem
from pipeline.kube.inventory import file

POLICY = """\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{name: loki, namespace: noo-loki, labels: {labels}}}
spec:
  podSelector: {{}}
  egress:
    - to: {to}
      ports: {ports}
"""


def read(text: str, path: Path) -> tuple[list[Proposal], list[str]]:
    policies = path / "policies.yaml"
    policies.write_text(text)
    problems: list[Problem] = []
    found = proposals(file.read(policies, problems), problems)
    return found, [problem.message for problem in problems]


def policy(to: str, labels: str = "{}", ports: str = "[]") -> str:
    return POLICY.format(to=to, labels=labels, ports=ports)


def test_blocks_of_a_policy_are_one_label(tmp_path: Path) -> None:
    text = """\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: loki, namespace: noo-loki}
spec:
  podSelector: {}
  egress:
    - to:
        - ipBlock: {cidr: 3.5.204.0/22}
        - podSelector: {}
      ports: [{port: 443, protocol: TCP}, {port: 8000, endPort: 8010}]
    - {}
  ingress:
    - from: [{ipBlock: {cidr: "2001:db8::/32"}}, {ipBlock: {cidr: 3.5.204.0/24}}]
      ports: [{port: http}, {protocol: UDP}]
    - ports: [{port: 1}]
---
{apiVersion: v1, kind: Pod, metadata: {name: x}}
---
{kind: NetworkPolicy, metadata: {name: none}, spec: {podSelector: {}}}
"""
    found, said = read(text, tmp_path)
    assert said == []
    assert found == [
        Proposal(
            name="EXT:noo-loki_loki",
            cidrs=["3.5.204.0/22", "2001:db8::/32"],
            opened=1024 + 2**96,
            source="NetworkPolicy noo-loki/loki",
            roles=("server", "client"),
            ports=("443/TCP", "8000-8010/TCP", "http/TCP", "UDP"),
        )
    ]


@pytest.mark.parametrize(
    ("to", "cidrs"),
    [
        ("[{ipBlock: {cidr: 10.0.0.0/30, except: [10.0.0.1/32]}}]", ["10.0.0.0/32", "10.0.0.2/31"]),
        ("[{ipBlock: {cidr: 10.0.0.0/30, except: [10.0.0.0/31, 10.0.0.0/32]}}]", ["10.0.0.2/31"]),
        ("[{ipBlock: {cidr: 10.0.0.0/30, except: [10.0.0.0/32, 10.0.0.0/31]}}]", ["10.0.0.2/31"]),
        ("[{ipBlock: {cidr: 10.0.0.0/30, except: [11.0.0.0/8]}}]", ["10.0.0.0/30"]),
        ("[{ipBlock: {cidr: 10.0.0.0/30, except: null}}]", ["10.0.0.0/30"]),
        ("[{ipBlock: {cidr: 10.0.0.1/8}}]", ["10.0.0.0/8"]),
    ],
)
def test_what_is_excepted_is_not_in_it(to: str, cidrs: list[str], tmp_path: Path) -> None:
    (one,) = read(policy(to), tmp_path)[0]
    assert one.cidrs == cidrs


@pytest.mark.parametrize(
    ("to", "said"),
    [
        (
            "[{ipBlock: {cidr: 0.0.0.0/0, except: [10.0.0.0/8]}}]",
            "0.0.0.0/0 is every address, and no label is made",
        ),
        ('[{ipBlock: {cidr: "::/0"}}]', "::/0 is every address, and no label is made"),
        ("[{ipBlock: {cidr: 10.0.0.0/33}}]", '"10.0.0.0/33" is not a valid CIDR'),
        ("[{ipBlock: {cidr: 10.0.0.0/8, except: [ten]}}]", '"ten" is not a valid CIDR'),
        (
            "[{ipBlock: {cidr: 7}}]",
            "Expected `str`, got `int` - at `$.egress[0].to[0].ipBlock.cidr`",
        ),
    ],
)
def test_other_blocks_are_told(to: str, said: str, tmp_path: Path) -> None:
    found, problems = read(policy(to), tmp_path)
    assert found == []
    where = "policies.yaml: document 1: NetworkPolicy noo-loki/loki"
    assert problems == [f"{where}: {said}"]


@pytest.mark.parametrize(
    ("labels", "name"),
    [
        ("{netobserv.io/label-ipblocks: our-S3}", "our-S3"),
        ('{netobserv.io/label-ipblocks: ""}', "EXT:noo-loki_loki"),
        ('{netobserv.io/label-ipblocks: "3.x"}', "EXT:noo-loki_loki"),
    ],
)
def test_a_policy_may_name_its_networks(labels: str, name: str, tmp_path: Path) -> None:
    (one,) = read(policy("[{ipBlock: {cidr: 10.0.0.0/8}}]", labels), tmp_path)[0]
    assert one.name == name
