"""Clusters and policies made at random, as hypothesis draws them."""

from __future__ import annotations

from itertools import product
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from policy.objects import Manifest
from tests.support.policies import namespace, pod

Values = dict[str, Any]
Case = tuple[list[Manifest], list[Manifest], list[Manifest]]
"""Namespaces, pods, policies."""
LABELS = {"app": ["web", "db"], "tier": ["front", "back"]}
OUTSIDE = ["203.0.113.5", "198.51.100.7", "10.0.9.9", "2001:db8::5"]
PORTS = [
    *((80, "TCP"), (8080, "TCP"), (443, "TCP"), (53, "TCP")),
    *((53, "UDP"), (80, "UDP"), (53, "SCTP"), (8080, "SCTP")),
]
NAMED = ["http", "udp-dns", "sctp-sig"]
CIDRS = [
    *("0.0.0.0/0", "10.0.0.0/8", "10.0.1.0/24", "10.0.1.2/32", "203.0.113.0/24", "198.51.100.7/32"),
    *("::/0", "fd00::/16", "fd00:1::/64", "2001:db8::/32"),
]
EXCEPTS = {
    "0.0.0.0/0": ["10.0.0.0/8", "203.0.113.5/32", "10.0.2.0/24"],
    "10.0.0.0/8": ["10.0.1.0/24", "10.0.1.2/32"],
    "::/0": ["fd00::/16"],
    "fd00::/16": ["fd00:1::/64", "fd00:2::3/128"],
    "fd00:1::/64": ["fd00:1::2/128", "fd00:1::/127"],
    "2001:db8::/32": ["2001:db8::5/128", "2001:db8::/64"],
}


def labels() -> SearchStrategy[dict[str, str]]:
    optional = {key: st.sampled_from(values) for key, values in LABELS.items()}
    return st.fixed_dictionaries({}, optional=optional)


def requirement() -> SearchStrategy[Values]:
    key = st.sampled_from([*LABELS, "kubernetes.io/metadata.name"])
    values = st.lists(st.sampled_from(["web", "db", "front", "a", "b"]), min_size=1, max_size=2)
    operator = st.sampled_from(["In", "NotIn", "Exists", "DoesNotExist"])
    return st.builds(
        lambda key, operator, values: (
            {"key": key, "operator": operator}
            | ({"values": values} if operator in {"In", "NotIn"} else {})
        ),
        *(key, operator, values),
    )


def selector() -> SearchStrategy[Values]:
    optional = {"matchLabels": labels(), "matchExpressions": st.lists(requirement(), max_size=2)}
    return st.fixed_dictionaries({}, optional=optional)


@st.composite
def block(draw: st.DrawFn) -> Values:
    cidr = draw(st.sampled_from(CIDRS))
    inside = EXCEPTS.get(cidr, [])
    excepts = draw(st.lists(st.sampled_from(inside), max_size=2)) if inside else []
    return {"ipBlock": {"cidr": cidr} | ({"except": excepts} if excepts else {})}


def peer() -> SearchStrategy[Values]:
    pods = st.fixed_dictionaries({"podSelector": selector()})
    spaces = st.fixed_dictionaries({"namespaceSelector": selector()})
    both = st.fixed_dictionaries({"podSelector": selector(), "namespaceSelector": selector()})
    return st.one_of(pods, spaces, both, block())


def port() -> SearchStrategy[Values]:
    protocol = {"protocol": st.sampled_from(["TCP", "UDP", "SCTP"])}
    number = st.sampled_from([80, 8080, 53, 443])
    first, last = st.sampled_from([1, 53, 79]), st.sampled_from([80, 443, 8080, 65535])
    return st.one_of(
        st.fixed_dictionaries({}, optional=protocol),
        st.fixed_dictionaries({"port": number}, optional=protocol),
        st.fixed_dictionaries({"port": first, "endPort": last}, optional=protocol),
        number.flatmap(
            lambda one: st.fixed_dictionaries(
                {"port": st.just(one), "endPort": st.just(one)}, optional=protocol
            )
        ),
        st.fixed_dictionaries({"port": st.sampled_from(NAMED)}, optional=protocol),
    )


def rules(side: str) -> SearchStrategy[list[Values]]:
    optional = {side: st.lists(peer(), max_size=2), "ports": st.lists(port(), max_size=2)}
    return st.lists(st.fixed_dictionaries({}, optional=optional), max_size=2)


def spec() -> SearchStrategy[Values]:
    types = st.sampled_from([["Ingress"], ["Egress"], ["Ingress", "Egress"]])
    optional = {"ingress": rules("from"), "egress": rules("to"), "policyTypes": types}
    return st.fixed_dictionaries({"podSelector": selector()}, optional=optional)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Two namespaces, six pods of both address families, some policies."""
    spaces = [namespace(name, **draw(labels())) for name in "ab"]
    named = st.fixed_dictionaries(
        {},
        optional={
            "http": st.sampled_from([80, 8080]),
            "udp-dns": st.sampled_from([53, 80]),
            "sctp-sig": st.sampled_from([53, 8080]),
        },
    )
    pods = [
        pod(
            f"{space}/p{number}",
            *(f"10.0.{at}.{number}", f"fd00:{at}::{number}"),
            labels=draw(labels()),
            ports=draw(named),
        )
        for (at, space), number in product(enumerate("ab", 1), (1, 2, 3))
    ]
    policies = [
        {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "NetworkPolicy",
            "metadata": {"namespace": draw(st.sampled_from("ab")), "name": f"policy-{number}"},
            "spec": one,
        }
        for number, one in enumerate(draw(st.lists(spec(), min_size=1, max_size=5)))
    ]
    return spaces, pods, policies
