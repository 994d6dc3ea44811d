"""Which peer an end of an edge is, beyond what tests/policy/generate/test_build.py shows."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.kube.subnets import Label
from policy.ends import End
from policy.generate.draft import Block, PeerKind
from policy.generate.networks import Networks
from policy.generate.peers import NoRuleError, Peers
from policy.generate.selection import Selections
from policy.objects import Cluster

NODE = {
    "kind": "Node",
    "metadata": {"name": "master"},
    "status": {"addresses": [{"type": "InternalIP", "address": "192.0.2.1"}]},
}
API = {
    "kind": "EndpointSlice",
    "metadata": {
        "namespace": "default",
        "name": "kubernetes",
        "labels": {"kubernetes.io/service-name": "kubernetes"},
    },
    "endpoints": [{"addresses": ["192.0.2.1"]}, {"addresses": ["198.51.100.9"]}],
    "ports": [{"port": 6443}],
}


def peers(*objects: dict[str, Any], labels: tuple[Label, ...] = ()) -> Peers:
    return Peers(Selections(Cluster(objects)), Networks(objects, labels))


def end(kind: str = "", workload: str = "", **given: str) -> End:
    return End(kind, given.pop("namespace", ""), workload, **({"label": "", "address": ""} | given))


@pytest.mark.parametrize(("port", "is_api_server"), [(6443, True), (22, False)])
def test_a_node_is_the_api_server_at_its_port(port: int, is_api_server: bool) -> None:  # noqa: FBT001
    found = peers(NODE, API).peer(end("Node", "master"), port)
    assert found.kind is PeerKind.NODE
    assert found.blocks == (Block("192.0.2.1/32"),)
    assert found.is_api_server is is_api_server


def test_an_endpoint_of_the_api_server_needs_no_label() -> None:
    """That of a managed cluster is no node."""
    found = peers(NODE, API)
    assert found.peer(end(address="198.51.100.9"), 6443).is_api_server
    with pytest.raises(NoRuleError, match="the address has no subnet label"):
        found.peer(end(address="198.51.100.9"), 22)


def test_an_address_has_the_label_that_its_networks_have_by_now() -> None:
    """A recording may be older than the label; a resolver beside the node stays an address."""
    labels = (Label("EXT:S3", ["203.0.113.0/24"]), Label("Machines", ["169.254.0.0/17"]))
    found = peers(labels=labels)
    assert found.peer(end(address="203.0.113.7"), 443).name == "label EXT:S3"
    assert found.peer(end(address="169.254.20.10"), 53).name == "address 169.254.20.10"


def test_a_node_that_is_not_there() -> None:
    with pytest.raises(NoRuleError, match="no address of the node is known"):
        peers().peer(end("Node", "gone"), 1)


def test_a_label_without_networks() -> None:
    with pytest.raises(NoRuleError, match="label gone: its networks are not known"):
        peers().peer(end(label="gone"), 1)


def test_how_ends_are_called() -> None:
    assert str(end("Node", "master")) == "Node master"
    assert str(end("Deployment", "web", namespace="shop")) == "Deployment shop/web"
    assert str(end(label="EXT:S3")) == "EXT:S3"
    assert str(end(address="192.0.2.1")) == "192.0.2.1"
