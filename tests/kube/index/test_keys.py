"""The addresses and secondary keys of objects."""

from __future__ import annotations

import json

import pytest

from pipeline.kube.api.objects import NodeAddress, PodAddress, Spec, Status
from pipeline.kube.index import keys
from pipeline.kube.index.keys import Secondary

MAC = "02:AA:00:00:00:01"


def subnets(value: object) -> dict[str, str]:
    return {keys.NODE_SUBNETS: json.dumps(value)}


@pytest.mark.parametrize(
    ("annotations", "found"),
    [
        (subnets({"default": ["10.128.4.0/23"]}), ("10.128.4.2",)),
        (subnets({"default": "10.128.4.0/23"}), ("10.128.4.2",)),
        (subnets({"default": ["fd01::/64", "10.128.6.0/23"]}), ("10.128.6.2", "fd01::2")),
        (subnets({"default": []}), ()),
        (subnets({"other": "10.128.4.0/23"}), ()),
        (subnets({"default": "nonsense"}), ()),
        (subnets([1]), ()),
        ({keys.NODE_SUBNETS: "{"}, ()),
        ({}, ()),
    ],
)
def test_management_addresses(annotations: dict[str, str], found: tuple[str, ...]) -> None:
    """The node's subnet plus 2, one of each family; a broken annotation gives none."""
    assert keys.management_addresses(annotations) == found


def test_node_addresses_are_canonical() -> None:
    """Host names are left out, addresses are written in one form."""
    texts = ["worker-1", "10.0.0.1", "FD00::01", "::ffff:10.0.0.2"]
    status = Status(addresses=[NodeAddress(text) for text in texts])
    assert keys.node_addresses(status) == ("10.0.0.1", "fd00::1", "10.0.0.2")
    assert keys.node_addresses(Status()) == ()


def test_pod_and_service_addresses() -> None:
    """An address of the node is none of the pod; without `podIPs` there may be a `podIP`."""
    pod = Status(host_ip="10.0.0.1", pod_ips=[PodAddress("10.128.0.5"), PodAddress("10.0.0.1")])
    assert keys.pod_addresses(Spec(), pod) == ("10.128.0.5",)
    assert keys.pod_addresses(Spec(), Status(pod_ip="10.128.0.6")) == ("10.128.0.6",)
    assert keys.pod_addresses(Spec(), Status()) == ()
    assert keys.service_addresses(Spec(cluster_ips=["172.30.0.1", "fd02::1"])) == (
        "172.30.0.1",
        "fd02::1",
    )
    assert keys.service_addresses(Spec(cluster_ip="172.30.0.2")) == ("172.30.0.2",)
    assert keys.service_addresses(Spec(cluster_ips=["None"], cluster_ip="None")) == ()


def status(*networks: dict[str, object]) -> dict[str, str]:
    return {keys.NETWORK_STATUS: json.dumps(networks)}


ATTACHED = status(
    {"name": "ovn", "interface": "eth0", "ips": ["10.128.0.5"], "mac": MAC, "default": True},
    {"name": "vms/l2", "interface": "net1", "ips": ["192.168.0.1", "fd05::1"], "mac": MAC},
    {"name": "vms/bare", "interface": "net2"},
)


@pytest.mark.parametrize(
    ("parts", "found"),
    [
        (Secondary(mac=True), ["~~02:aa:00:00:00:01"]),
        (Secondary(ip=True), ["~192.168.0.1~", "~fd05::1~"]),
        (Secondary(interface=True), ["net1~~", "net2~~"]),
        (
            Secondary(mac=True, ip=True, interface=True),
            ["net1~192.168.0.1~02:aa:00:00:00:01", "net1~fd05::1~02:aa:00:00:00:01"],
        ),
    ],
)
def test_pod_attachments(parts: Secondary, found: list[str]) -> None:
    """The keys of each combination of parts; an attachment that lacks a part gives none."""
    assert [key for key, _ in keys.pod_attachments(ATTACHED, [parts])] == found


def test_broken_annotations_give_no_key() -> None:
    """Text that is not JSON, or of another shape, is passed over."""
    assert list(keys.pod_attachments({keys.NETWORK_STATUS: "["}, [Secondary(mac=True)])) == []
    assert list(keys.pod_networks({keys.POD_NETWORKS: '{"a/b": 7}'})) == []
    assert list(keys.pod_networks({})) == []


def test_pod_networks_come_under_both_names() -> None:
    """With the namespace and without: which is right depends on the kind of the network."""
    networks = {"default": {"ip_address": "10.128.0.5/23"}, "a/udn": {"ip_address": "10.2.0.7/24"}}
    found = list(keys.pod_networks({keys.POD_NETWORKS: json.dumps(networks)}))
    assert found == [("a/udn~10.2.0.7", "a/udn"), ("udn~10.2.0.7", "a/udn")]


def test_flow_attachments_in_the_order_configured() -> None:
    """A flow is looked up by each combination in turn; parts it lacks give no key."""
    indexed = [Secondary(mac=True, ip=True), Secondary(interface=True)]
    found = list(keys.flow_attachments(indexed, "1.2.3.4", MAC, ["", "net1", "net2"]))
    assert found == ["~1.2.3.4~02:aa:00:00:00:01", "net1~~", "net2~~"]
    assert list(keys.flow_attachments(indexed, "1.2.3.4", "", [])) == []
