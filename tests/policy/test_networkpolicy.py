from __future__ import annotations

import pytest

from policy.networkpolicy import Direction, Port, Protocol, Rule, parse
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


def test_atoms_have_one_peer_and_one_port() -> None:
    rule = (
        "{from: [{podSelector: {}}, {ipBlock: {cidr: 10.0.0.0/8}}], ports: [{port: 1}, {port: 2}]}"
    )
    atoms = policy("shop/p", f"ingress: [{rule}]").rules[0].atoms()
    assert len(atoms) == 4
    assert {(len(atom.peers), len(atom.ports), str(atom)) for atom in atoms} == {
        (1, 1, "ingress[0]")
    }
    assert policy("shop/p", "ingress: [{}]").rules[0].atoms() == [
        Rule(Direction.INGRESS, 0, (), ())
    ]
