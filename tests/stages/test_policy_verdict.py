"""What policies say of flows; test_judging.py has the log, tests/policy/judge the verdicts."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from pipeline.diagnostics import Severity
from pipeline.kube.inventory import file
from pipeline.stage import BuildContext, BuiltStage
from stages.policy_verdict import PolicyVerdict
from tests.stages.flows import Flow, run
from tests.support.policies import namespace, netpol, node, pod

DB = """
podSelector: {matchLabels: {app: db}}
ingress:
- from: [{podSelector: {matchLabels: {app: web}}}]
  ports: [{port: 5432}]
- from: [{ipBlock: {cidr: 192.168.0.1/32}}, {ipBlock: {cidr: 203.0.113.0/24}}]
"""
WEB = """
podSelector: {matchLabels: {app: web}}
policyTypes: [Egress]
egress: [{ports: [{port: 5432}]}]
"""
OBJECTS = [
    namespace("shop"),
    node("n1", "192.168.0.1", "10.128.0.2"),
    pod("shop/web-1", "10.0.0.1", labels={"app": "web"}, owner="Deployment/web"),
    pod("shop/web-2", "10.0.0.2", labels={"app": "web"}, owner="Deployment/web"),
    pod("shop/db-0", "10.0.0.3", labels={"app": "db"}, owner="StatefulSet/db"),
    pod("shop/mixed-1", "10.0.0.4", labels={"app": "web"}, owner="Job/mixed"),
    pod("shop/mixed-2", "10.0.0.5", owner="Job/mixed"),
]
SYN, ACK = 2, 16
WEB_END = ("Deployment", "shop", "web", "10.0.0.1")
DB_END = ("StatefulSet", "shop", "db", "10.0.0.3")


def flow(
    client: tuple[str, ...], server: tuple[str, ...], port: int = 5432, **more: Any
) -> dict[str, Any]:
    """A flow that opens a TCP connection."""
    found: dict[str, Any] = {"SrcPort": 40_000, "DstPort": port, "Proto": 6, "Flags": SYN}
    for side, end in (("Src", client), ("Dst", server)):
        *owner, found[f"{side}Addr"] = end
        names = ("K8S_OwnerType", "K8S_Namespace", "K8S_OwnerName")
        found |= {side + name: text for name, text in zip(names, owner, strict=False) if text}
    return found | more


def turned(one: Flow) -> dict[str, Any]:
    """The reply of a flow."""
    swap = {"Src": "Dst", "Dst": "Src"}
    return {swap.get(name[:3], name[:3]) + name[3:]: value for name, value in one.items()}


@pytest.fixture
def stage(tmp_path: Path) -> PolicyVerdict:
    file.write(OBJECTS, tmp_path / "objects.json")
    policies = [netpol("shop/db", DB), netpol("shop/web", WEB)]
    (tmp_path / "policies").mkdir()
    for number, one in enumerate(policies):
        file.write([one], tmp_path / "policies" / f"{number}.yaml")
    return PolicyVerdict(name="v", policies=["policies"], inventory="objects.json")


@pytest.fixture
def built(stage: PolicyVerdict, tmp_path: Path) -> BuiltStage:
    return stage.build(BuildContext(folder=tmp_path))


def said(built: BuiltStage, *flows: Flow) -> list[tuple[object, object]]:
    return [(one["verdict"], one.get("policy")) for one in run(built, list(flows))]


def test_verdicts_and_the_policies_that_decide(built: BuiltStage) -> None:
    outside, node_end = ("198.51.100.7",), ("Node", "", "n1", "192.168.0.1")
    management = ("Node", "", "n1", "10.128.0.2")
    mixed = ("Job", "shop", "mixed", "10.0.0.4")
    assert said(
        built,
        flow(WEB_END, DB_END),
        flow(WEB_END, DB_END, 5433),
        flow(outside, DB_END),
        flow(("203.0.113.9",), DB_END, 80),
        flow(node_end, DB_END),
        flow(management, DB_END),
        flow(mixed, DB_END),
        flow(DB_END, outside),
        flow(("Deployment", "shop", "gone", "10.0.9.9"), DB_END),
    ) == [
        ("allowed", "shop/db, shop/web"),
        ("denied", "shop/db, shop/web"),
        ("denied", "shop/db"),
        ("allowed", "shop/db"),
        ("allowed", "shop/db"),
        ("undecided", "shop/db"),
        ("differs", "shop/db"),
        ("allowed", None),
        ("unknown", None),
    ]


def test_a_reply_has_the_verdict_of_its_connection(built: BuiltStage) -> None:
    flows = [flow(WEB_END, DB_END, Flags=SYN), turned(flow(WEB_END, DB_END, Flags=256))]
    later = [turned(flow(WEB_END, DB_END, Flags=ACK)), flow(WEB_END, DB_END, Flags=ACK)]
    assert said(built, *flows, *later) == [("allowed", "shop/db, shop/web")] * 4


def test_a_flow_that_does_not_say_who_the_server_is_has_no_verdict(built: BuiltStage) -> None:
    high = flow(WEB_END, DB_END, 40_001, Flags=ACK)
    assert said(built, high, {}, {"SrcAddr": "x", "Proto": "y"}) == [("unknown", None)] * 3


def test_other_protocols_are_not_decided_where_a_pod_is_isolated(built: BuiltStage) -> None:
    ping = flow(WEB_END, DB_END, Proto=1, IcmpType=8) | {"DstPort": 0, "SrcPort": 0}
    assert said(built, ping) == [("undecided", "shop/db, shop/web")]


def test_files_that_change_are_noticed(
    stage: PolicyVerdict, built: BuiltStage, tmp_path: Path
) -> None:
    """Another file in the folder too; then the stage is built again, and goes on counting."""
    assert built.fingerprint
    before = built.fingerprint()
    assert built.fingerprint() == before
    shutil.copy(tmp_path / "policies" / "0.yaml", tmp_path / "policies" / "2.yaml")
    assert built.fingerprint() != before
    assert stage.annotates


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "policies is empty"),
        ({"inventory": ""}, "give one of `inventory` and `cluster`"),
        ({"policies": ["policie"]}, 'there is no file or folder "policie"; did you mean'),
        ({"policies": ["wrong.yaml"]}, 'spec.ingres: unknown field; did you mean "ingress"?'),
        ({"inventory": "none.json"}, "none.json: cannot be read: No such file or directory"),
    ],
)
def test_what_is_wrong_is_told(
    stage: PolicyVerdict, tmp_path: Path, settings: dict[str, Any], message: str
) -> None:
    file.write([netpol("shop/wrong", "ingres: []")], tmp_path / "wrong.yaml")
    own = {"policies": ["policies"], "inventory": "objects.json"} if settings else {}
    problems = PolicyVerdict(name="v", **(own | settings)).check(tmp_path)
    found = [f"{one.message}; {one.hint}" for one in problems if one.severity is Severity.ERROR]
    assert any(message in text for text in found), found
    del stage
