from __future__ import annotations

import pytest

from policy.networkpolicy import Direction, Port, Protocol, Rule, parse, parse_all
from policy.selectors import LabelSelector
from tests.support.policies import netpol, policy

BOTH = {Direction.INGRESS, Direction.EGRESS}


@pytest.mark.parametrize(
    ("spec", "directions"),
    [
        ("", {Direction.INGRESS}),
        ("ingress: []", {Direction.INGRESS}),
        ("egress: [{}]", BOTH),
        ("egress: []", {Direction.INGRESS}),
        ("policyTypes: []", {Direction.INGRESS}),
        ("policyTypes: [Egress]", {Direction.EGRESS}),
        ("{policyTypes: [Ingress], egress: [{}]}", {Direction.INGRESS}),
        ("policyTypes: [Egress, Ingress]", BOTH),
    ],
)
def test_directions(spec: str, directions: set[Direction]) -> None:
    """As the API server sets them."""
    assert policy("shop/p", spec).directions == directions


def test_ports_are_tcp_unless_they_say_otherwise() -> None:
    found = policy("shop/p", "ingress: [{ports: [{port: 80}, {protocol: UDP}, {port: http}]}]")
    assert found.rules[0].ports == (
        Port(Protocol.TCP, 80),
        Port(Protocol.UDP),
        Port(Protocol.TCP, "http"),
    )


def test_null_is_as_if_it_were_missing() -> None:
    """As in an object that a program printed."""
    nulls = "{podSelector: null, ingress: [{from: null, ports: null}], egress: null}"
    found = policy("shop/p", nulls)
    assert found.selector == LabelSelector()
    assert found.rules == (Rule(Direction.INGRESS, 0, (), ()),)


def test_the_namespace_of_a_policy_that_names_none() -> None:
    data = netpol("/p", "")
    del data["metadata"]["namespace"]
    assert [str(parse(data)), str(parse(data, namespace="shop"))] == ["default/p", "shop/p"]


def test_rules_are_named_by_their_place() -> None:
    found = policy("shop/p", "{ingress: [{}, {}], egress: [{}]}")
    assert [str(rule) for rule in found.rules] == ["ingress[0]", "ingress[1]", "egress[0]"]


def test_equal_peers_of_many_policies_are_one_object() -> None:
    rule = "{from: [{podSelector: {matchLabels: {app: %s}}}], ports: [{port: 1}]}"
    given = [netpol(f"shop/{name}", f"ingress: [{rule % name[0]}]") for name in ("a1", "a2", "b1")]
    found = parse_all(given)
    assert found == [parse(one) for one in given]
    first, second, other = (one.rules[0].peers[0] for one in found)
    assert first is second
    assert other is not first
