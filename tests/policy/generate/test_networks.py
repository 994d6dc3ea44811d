"""The addresses of a cluster, and the blocks of its labels."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.flows.prefix_table import PrefixTable
from pipeline.kube import subnets
from pipeline.kube.subnets import Label
from policy.generate.draft import Block
from policy.generate.networks import Networks, without


def pod(ip: str) -> dict[str, Any]:
    return {
        "kind": "Pod",
        "metadata": {"namespace": "shop", "name": f"pod-{ip}"},
        "status": {"podIP": ip, "hostIP": "192.0.2.1"},
    }


def node(name: str, *addresses: str, subnet: str = "") -> dict[str, Any]:
    annotations = {"k8s.ovn.org/node-subnets": f'{{"default":["{subnet}"]}}'} if subnet else {}
    return {
        "kind": "Node",
        "metadata": {"name": name, "annotations": annotations},
        "status": {"addresses": [{"type": "InternalIP", "address": one} for one in addresses]},
    }


def slice_(*addresses: str, ports: list[int]) -> dict[str, Any]:
    return {
        "kind": "EndpointSlice",
        "metadata": {
            "namespace": "default",
            "name": "kubernetes",
            "labels": {"kubernetes.io/service-name": "kubernetes"},
        },
        "endpoints": [{"addresses": [one]} for one in addresses],
        "ports": [{"port": port} for port in ports],
    }


def service(ip: str) -> dict[str, Any]:
    metadata = {"namespace": "shop", "name": "web"}
    return {"kind": "Service", "metadata": metadata, "spec": {"clusterIP": ip}}


MACHINES, PODS = Label("Machines", ["10.0.0.0/16"]), Label("Pods", ["10.128.0.0/14"])


def test_a_node_has_the_addresses_of_a_label_or_all() -> None:
    one = node("worker", "10.0.1.1", "fd00::1", subnet="10.128.2.0/23")
    found = Networks([one], [MACHINES, PODS])
    assert found.of_node("worker", "Machines") == ["10.0.1.1"]
    assert found.of_node("worker", "Pods") == ["10.128.2.2"]
    assert found.of_node("worker", "") == ["10.0.1.1", "fd00::1", "10.128.2.2"]
    assert found.of_node("worker", "Other") == ["10.0.1.1", "fd00::1", "10.128.2.2"]
    assert found.of_node("gone", "") == []


def test_the_api_server_is_known_by_its_endpoints() -> None:
    found = Networks([slice_("10.0.1.1", ports=[6443])], [])
    assert found.is_api_server("10.0.1.1", 6443)
    assert found.is_api_server("10.0.1.1/32", 6443)
    assert not found.is_api_server("10.0.1.1", 22)
    assert not found.is_api_server("10.0.1.1/24", 6443)


def test_an_api_server_beside_the_services_is_not_one_of_them() -> None:
    """A managed one: its address is in the label Services, and a rule may name it."""
    services = Label("Services", ["172.30.0.0/16", "198.51.100.9/32"])
    found = Networks([slice_("198.51.100.9", ports=[443])], [services]).of_label("Services")
    assert found.blocks == (Block("198.51.100.9/32"),)
    assert found.left_out == ("172.30.0.0/16, in the Service network 172.30.0.0/16",)


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("10.128.9.9", "in the pod network 10.128.0.0/14"),
        ("192.168.0.5", "that of a pod"),
        ("fd00::5", "that of a pod"),
        ("fd00::6", ""),
        ("172.16.0.1", "that of a Service"),
        ("10.0.0.1", ""),
    ],
)
def test_what_a_rule_must_not_name(address: str, reason: str) -> None:
    objects = [pod("192.168.0.5"), pod("fd00::5"), service("172.16.0.1")]
    found = Networks(objects, [MACHINES, PODS])
    assert found.inside(ip_address(address)) == reason


def test_a_network_that_labels_before_it_hide_has_no_block() -> None:
    labels = [
        Label("first", ["203.0.113.0/25"]),
        Label("second", ["203.0.113.128/25"]),
        Label("all", ["203.0.113.0/24", "203.0.113.0/26", "198.51.100.7/24"]),
    ]
    found = Networks([], labels).of_label("all")
    assert found.blocks == (Block("198.51.100.0/24"),)
    assert found.left_out == (
        "203.0.113.0/24, in labels that come first",
        "203.0.113.0/26, in the label first, which comes first",
    )


def test_a_label_that_nobody_lists_has_no_networks() -> None:
    assert Networks([], []).of_label("gone") == ((), ())


_NETWORKS = st.builds(
    lambda number, length: str(ip_network((number << 24, length), strict=False)),
    st.integers(0, 255),
    st.integers(1, 12),
)
_LABELS = st.lists(
    st.builds(Label, st.sampled_from(["a", "b", "c"]), st.lists(_NETWORKS, max_size=3)), max_size=5
)


@given(_LABELS, st.lists(st.integers(0, 255), max_size=3))
def test_blocks_are_the_addresses_that_have_the_label(labels: list[Label], pods: list[int]) -> None:
    """Address by address (one of each /8), whatever overlaps; those of pods have none."""
    own = {f"{number}.0.0.0" for number in pods}
    found = Networks([pod(ip) for ip in own if ip != "0.0.0.0"], labels)  # noqa: S104 - no server
    first = PrefixTable(subnets.listed(labels))
    for number in range(1, 256):
        address = ip_address(f"{number}.0.0.0")
        hit = first.first(address)
        wanted = {hit[1]} if hit and str(address) not in own else set[str]()
        covering = {
            name
            for name in "abc"
            for block in found.of_label(name).blocks
            if any(address in ip_network(text) for text in without(block))
        }
        assert covering == wanted, address


def test_a_block_less_its_exceptions() -> None:
    assert without(Block("10.0.0.0/8", ("10.128.0.0/9", "10.64.0.0/10"))) == ["10.0.0.0/10"]
    assert without(Block("10.0.0.0/30", ("10.0.0.1/32",))) == ["10.0.0.0/32", "10.0.0.2/31"]
    assert without(Block("10.0.0.0/29", ("10.0.0.0/31", "10.0.0.4/30"))) == ["10.0.0.2/31"]
    assert without(Block("10.0.0.0/31", ("10.0.0.0/32", "10.0.0.1/32"))) == []


@pytest.mark.parametrize(
    "broken",
    [
        {**service(""), "spec": {"clusterIPs": "172.30.0.1"}},
        {**node("worker"), "status": {"addresses": "10.0.1.1"}},
        {**pod(""), "status": {"podIPs": [{"ip": 3}]}},
        {**slice_(ports=[]), "endpoints": "10.0.0.1"},
        {**slice_("10.0.0.1", ports=[]), "ports": [{"port": "https"}]},
    ],
)
def test_an_object_of_another_shape_has_no_addresses_and_the_others_do(
    broken: dict[str, Any],
) -> None:
    found = Networks([broken, service("172.30.0.10")], [])
    assert found.inside(ip_address("172.30.0.10")) == "that of a Service"
    assert found.of_node("worker", "") == []


def test_what_is_no_address_is_nobodys() -> None:
    none = "999.1.1.1"
    found = Networks([pod(none), service(none), node("n", none), slice_(none, ports=[443])], [])
    assert found.of_node("n", "") == []
    assert not found.is_api_server(none, 443)
