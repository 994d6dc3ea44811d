"""Verdicts that were counted with the facts of edges, as a verification."""

from __future__ import annotations

from typing import Any

import pytest

from matrix import derive
from matrix.facts import Facts
from pipeline.testing import Flow, frame
from policy.judge.verdicts import Verdict
from policy.verify import report
from policy.verify.audit import NoVerdictsError, audited
from policy.verify.verification import Coverage, Verification
from tests.support.edges import counted

SYN, ACK, SYN_ACK = 2, 16, 256
DB = {"DstK8S_OwnerType": "Pod", "DstK8S_Namespace": "shop", "DstK8S_OwnerName": "db"}


def flow(client: str, verdict: str, policy: str | None, flags: int = SYN, **more: Any) -> Flow:
    """A flow to the database, with what `policy_verdict` has written."""
    said = {"verdict": verdict, "policy": policy} if verdict else {}
    ends = {"SrcAddr": client, "SrcPort": 40_000, "DstAddr": "10.0.0.2", "DstPort": 5432}
    return {**ends, **DB, "Proto": 6, "Flags": flags, "Bytes": 10, "Packets": 1} | said | more


def answered(one: Flow) -> list[Flow]:
    """A flow and its answer."""
    swap = {"Src": "Dst", "Dst": "Src"}
    reply = {swap.get(name[:3], name[:3]) + name[3:]: value for name, value in one.items()}
    return [one, reply | {"Flags": SYN_ACK}]


def facts(*flows: Flow) -> Facts:
    return counted([frame(list(flows))])


def found(*flows: Flow, namespace: str = "") -> Verification:
    seen = facts(*flows)
    return audited(seen, derive.edges(seen), namespace)


def test_flows_are_counted_by_the_verdict_that_they_had() -> None:
    """A policy was changed meanwhile: the edge has two verdicts, its bytes are divided."""
    seen = found(
        *answered(flow("1.1.1.1", "allowed", "shop/db")),
        *answered(flow("1.1.1.1", "denied", "shop/db, shop/other")),
        *answered(flow("2.2.2.2", "allowed", None)),
        flow("3.3.3.3", "denied", "shop/db"),
        *answered(flow("4.4.4.4", "unknown", None)),
    )
    names = ("client", "server", "port", "verdict", "flows", "bytes", "isolated_by", "allowed_by")
    assert seen.edges.select(names).rows() == [
        ("1.1.1.1", "Pod shop/db", 5432, "allowed", 2, 20, [], ["shop/db"]),
        ("1.1.1.1", "Pod shop/db", 5432, "denied", 2, 20, ["shop/db", "shop/other"], []),
        ("2.2.2.2", "Pod shop/db", 5432, "allowed", 2, 20, [], []),
        ("3.3.3.3", "Pod shop/db", 5432, "denied", 1, 10, ["shop/db"], []),
        ("4.4.4.4", "Pod shop/db", 5432, "unknown", 2, 20, [], []),
    ]
    assert seen.coverage() == Coverage(edges=4, flows=8, bytes=80)  # not the attempt of 3.3.3.3
    assert seen.coverage(Verdict.DENIED) == Coverage(edges=1, flows=2, bytes=20)
    assert seen.lost()["client"].to_list() == ["1.1.1.1"]
    policies = seen.rules.drop("last_seen").rows()
    assert policies == [
        ("shop/db", "allowed", 1, 2),
        ("shop/db", "denied", 2, 3),
        ("shop/other", "denied", 1, 2),
    ]


def test_the_outcome_is_that_of_the_edge_and_events_stand_beside_it() -> None:
    event: dict[str, Any] = {
        "NetworkEvents": [{"Action": "allow", "Namespace": "shop", "Name": "old"}]
    }
    seen = found(
        *answered(flow("1.1.1.1", "denied", "shop/db", **event)),
        *answered(flow("2.2.2.2", "allowed", "shop/db", **event)),
    )
    rows = seen.disagreements().select("client", "verdict", "network_events", "policies").rows()
    assert rows == [("1.1.1.1", "denied", "allowed", ["allowed shop/old"])]
    assert "network events: 1 of 2 edges agree with these policies" in report.text(seen)


def test_as_text_there_are_policies_and_no_empty_columns() -> None:
    text = report.text(found(*answered(flow("1.1.1.1", "denied", "shop/db"))))
    assert "Policies (1)" in text
    assert "denied by\n" in text
    assert "why" not in text
    assert "Rules" not in text
    assert '"never_seen": []' in report.json(found(flow("1.1.1.1", "allowed", "shop/db")))


def test_of_a_namespace() -> None:
    flows = answered(flow("1.1.1.1", "denied", "shop/db"))
    assert found(*flows, namespace="shop").edges.height == 1
    assert found(*flows, namespace="other").edges.is_empty()


def test_without_verdicts() -> None:
    with pytest.raises(NoVerdictsError, match="add a stage of type policy_verdict before"):
        found(flow("1.1.1.1", "", None))
