"""The networks of NetworkPolicies as labels."""

from __future__ import annotations

from typing import Any

import pytest

from discovery.policies import Named, named
from discovery.proposals import Proposal
from policy.networkpolicy import parse


def read(**spec: Any) -> Named:
    meta = {"name": "loki", "namespace": "noo-loki"}
    data = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": meta}
    return named([parse({**data, "spec": {"podSelector": {}, **spec}})])


def block(cidr: str, *excepts: str) -> dict[str, Any]:
    return {"ipBlock": {"cidr": cidr, **({"except": list(excepts)} if excepts else {})}}


def test_blocks_of_a_policy_are_one_label() -> None:
    port = {"port": 443, "protocol": "TCP"}
    found = read(
        egress=[
            {
                "to": [block("3.5.204.0/22"), {"podSelector": {}}],
                "ports": [port, {"port": 8000, "endPort": 8010}],
            },
            {},
        ],
        ingress=[
            {
                "from": [block("2001:db8::/32"), block("3.5.204.0/24")],
                "ports": [{"port": "http"}, {"protocol": "UDP"}],
            },
            {"ports": [{"port": 1}]},
        ],
    )
    assert found.notes == []
    assert found.proposals == [
        Proposal(
            name="EXT:noo-loki_loki",
            cidrs=["3.5.204.0/22", "2001:db8::/32"],
            opened=1024 + 2**96,
            source="NetworkPolicy noo-loki/loki",
            roles=("server", "client"),
            ports=("http/TCP", "UDP", "443/TCP", "8000-8010/TCP"),
        )
    ]


def test_a_policy_without_blocks_is_no_label() -> None:
    assert read(egress=[{"to": [{"podSelector": {}}]}]) == Named([], [])


@pytest.mark.parametrize(
    ("given", "cidrs"),
    [
        (block("10.0.0.0/30", "10.0.0.1/32"), ["10.0.0.0/32", "10.0.0.2/31"]),
        (block("10.0.0.0/30", "10.0.0.0/31", "10.0.0.0/32"), ["10.0.0.2/31"]),
        (block("10.0.0.0/30", "10.0.0.0/32", "10.0.0.0/31"), ["10.0.0.2/31"]),
        (block("2001:db8::/126", "2001:db8::2/127"), ["2001:db8::/127"]),
    ],
)
def test_what_is_excepted_is_not_in_it(given: dict[str, Any], cidrs: list[str]) -> None:
    (one,) = read(egress=[{"to": [given]}]).proposals
    assert one.cidrs == cidrs


def test_every_address_has_no_name() -> None:
    """A label for it would hide all labels after it."""
    found = read(egress=[{"to": [block("0.0.0.0/0", "10.0.0.0/8"), block("::/0")]}])
    assert found.proposals == []
    assert found.notes == [
        "noo-loki/loki: 0.0.0.0/0 is every address, and gets no name",
        "noo-loki/loki: ::/0 is every address, and gets no name",
    ]
