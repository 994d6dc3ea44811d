"""Policies held against what was seen, as a document."""

from __future__ import annotations

from http import HTTPStatus

import msgspec
import polars as pl
import pytest

from page.policy import Asked, PolicyPage, page, whole
from page.query import asked
from page.source import Seen
from pipeline.api.server import UnansweredError
from tests.support.edge_rows import edge, frame
from tests.support.guarded import DENY, EDGES, OBJECTS, SHOP
from tests.support.policies import pod
from tests.support.seen import reference_seen, seen


def shown(about: Seen = SHOP, **query: str) -> PolicyPage:
    return page(about, asked({"namespace": "shop", **query}, Asked))


def verdicts(found: PolicyPage) -> list[tuple[str, str, str]]:
    return [(one.client_workload, one.server_workload, one.verdict) for one in found.edges]


def test_the_draft_of_the_reference_covers_all_of_it() -> None:
    """The figures of docs/policy.md."""
    found = page(reference_seen(), Asked(namespace="netobserv"))
    assert found.coverage["seen"] == found.coverage["allowed"]
    assert msgspec.structs.astuple(found.coverage["seen"]) == (27, 2290, 16986841)
    assert [one.name for one in found.policies] == [
        *("netobserv/flowlogs-pipeline", "netobserv/netobserv-plugin")
    ]
    rules = {one.rule: (one.edges, one.flows) for each in found.policies for one in each.rules}
    assert len(rules) == 12
    assert rules["netobserv/flowlogs-pipeline ingress[0]"] == (12, 586)
    assert rules["netobserv/netobserv-plugin egress[4]"] == (3, 38)
    assert found.totals == {"edges": 27, "findings": 3, "unused": 0, "unselected": 0}
    assert [str(one) for one in found.window] == ["2025-10-28T10:00:00Z", "2025-10-28T10:04:59Z"]
    assert found.labels.startswith("sha256:")


def test_each_rule_names_its_edges_and_each_edge_its_rules() -> None:
    found = page(reference_seen(), Asked(namespace="netobserv"))
    for policy in found.policies:
        lines = policy.yaml.splitlines()
        for rule in policy.rules:
            assert rule.edges == sum(rule.rule in edge.rules for edge in found.edges)
            assert lines[rule.first - 1].startswith("  - ")
    assert all(edge.rules for edge in found.edges)


def test_what_a_draft_would_deny_comes_first() -> None:
    found = shown()
    assert verdicts(found) == [
        *(("web", "", "denied"), ("web", "db", "allowed"), ("prom", "web", "allowed")),
        ("prom", "db", "denied"),
    ]
    lost, allowed, *_, attempt = found.edges
    assert (lost.isolated_by, lost.bytes, lost.counts) == (["shop/web egress"], 777, True)
    assert allowed.rules == ["shop/db ingress[0]", "shop/web egress[0]"]
    assert (attempt.counts, attempt.state) == (False, "attempted")
    assert msgspec.structs.astuple(found.coverage["denied"]) == (1, 20, 777)
    assert msgspec.structs.astuple(found.coverage["seen"]) == (3, 60, 854)
    said = {(one.topic, one.fails): one.subject for one in found.findings}
    assert said["no_rule", True] == "Egress: Deployment shop/web -> 203.0.113.9 TCP 443"


def test_options_of_a_draft() -> None:
    assert shown(allow_unlabelled="true").coverage["denied"].edges == 0
    names = [one.name for one in shown(default_deny="true").policies]
    assert names == ["shop/db", "shop/default-deny", "shop/web"]
    ingress = shown(direction="Ingress")
    assert [one.rule for each in ingress.policies for one in each.rules] == [
        *("shop/db ingress[0]", "shop/web ingress[0]")
    ]
    assert ingress.coverage["denied"].edges == 0
    assert "Egress" not in ingress.policies[0].yaml


def test_a_draft_of_the_page_is_what_the_command_writes() -> None:
    """Every policy is accepted by our reader, and means what the rules say."""
    for one in page(reference_seen(), Asked(namespace="netobserv")).policies:
        assert one.yaml.startswith('---\napiVersion: "networking.k8s.io/v1"\nkind: "NetworkPolicy"')
        assert one.yaml.count("---") == 1


def test_policies_in_force_are_held_against_the_same_edges() -> None:
    found = shown(of="in_force")
    assert [one.name for one in found.policies] == ["shop/deny"]
    assert [(one.rule, one.edges) for one in found.policies[0].rules] == [
        ("shop/deny ingress[0]", 1)
    ]
    assert verdicts(found)[0] == ("prom", "web", "denied")
    assert found.edges[0].isolated_by == ["shop/deny ingress"]
    assert [(one.rule, one.own, one.peer) for one in found.unused] == [
        ("ingress[0]", "Deployment shop/web", "Deployment shop/web")
    ]
    assert [(one.workload, one.directions) for one in found.unselected] == [
        *(("Deployment shop/web", "egress"), ("StatefulSet shop/db", "egress"))
    ]
    assert (found.findings, found.labels) == ([], "")


def test_the_edges_of_a_rule_come_first_where_it_is_asked_for() -> None:
    assert verdicts(shown(limit="1")) != [("prom", "web", "allowed")]
    found = shown(rule="shop/web ingress[0]", limit="1")
    assert verdicts(found) == [("prom", "web", "allowed")]
    assert found.totals["edges"] == 4


def test_no_more_rows_than_asked_for() -> None:
    found = shown(limit="1")
    assert (len(found.edges), len(found.findings)) == (1, 1)
    assert found.totals["edges"] == 4
    assert found.totals["findings"] > 1


@pytest.mark.parametrize(
    ("query", "status", "why"),
    [
        ({"namespace": "shp"}, 404, 'nothing is in namespace "shp"; did you mean "shop"?'),
        ({"namespace": "x"}, 404, 'nothing is in namespace "x"; there are mon, shop'),
        ({"namespace": ""}, 404, 'nothing is in namespace ""; there are mon, shop'),
        ({"dns": "kube-system/dns"}, 400, "kube-system/dns"),
        ({"of": "drafts"}, 400, 'of: "drafts" is not known; did you mean "draft"?'),
    ],
)
def test_questions_that_have_no_answer(query: dict[str, str], status: int, why: str) -> None:
    with pytest.raises(UnansweredError) as caught:
        page(SHOP, asked({"namespace": "shop", **query}, Asked))
    assert why in str(caught.value)
    assert caught.value.status == status


def test_without_objects_no_policy_can_be_made() -> None:
    with pytest.raises(UnansweredError, match="no objects of the cluster are known") as caught:
        shown(seen(EDGES))
    assert caught.value.status == HTTPStatus.NOT_FOUND


def test_a_policy_in_force_that_no_server_accepts() -> None:
    odd = {**DENY, "spec": {"podSelector": {}, "policyTypes": ["Sideways"]}}
    with pytest.raises(
        UnansweredError, match=r"NetworkPolicy shop/deny: error: .*Sideways"
    ) as caught:
        shown(seen(EDGES, [*OBJECTS[:-1], odd]), of="in_force")
    assert caught.value.status == HTTPStatus.CONFLICT


def test_nothing_was_seen() -> None:
    found = shown(seen(pl.DataFrame(schema=EDGES.schema), OBJECTS))
    assert (found.policies, found.edges, found.window) == ([], [], (None, None))
    assert found.coverage["seen"].edges == 0


def test_an_answer_is_as_it_is_described() -> None:
    content = msgspec.json.encode(shown())
    assert len(msgspec.json.decode(content, type=PolicyPage).edges) == 4


def test_the_texts_of_many_policies_are_asked_for_by_name() -> None:
    names = [f"w{number:02}" for number in range(50)]
    pods = [
        pod(f"shop/{name}-1", f"10.0.2.{at}", labels={"app": name}, owner=f"Deployment/{name}")
        for at, name in enumerate(names, 1)
    ]
    rows = [edge("mon/prom", f"shop/{name}", 80) for name in names]
    many = seen(frame(*rows), [*OBJECTS, *pods])
    found = shown(many)
    assert found.names == [f"shop/{name}" for name in names]
    assert [one.name for one in found.policies] == found.names[:40]
    (one,) = shown(many, policy="shop/w49").policies
    assert (one.name, one.rules[0].edges) == ("shop/w49", 1)
    assert shown(many, policy="shop/none").policies == []
    text = whole(many, asked({"namespace": "shop"}, Asked)).yaml
    assert text.count('kind: "NetworkPolicy"') == 50
    assert one.yaml in text
