"""Subnet labels derived from a cluster's objects."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.diagnostics import Problem
from pipeline.kube.api import objects
from pipeline.kube.subnets import Label, autodetected, described, matters
from tests.support.openshift import CONFIG, INSTALL

OVN = ["100.64.0.0/16", "100.88.0.0/16", "169.254.0.0/17"]


def operator(ovn: dict[str, Any], kind: str = "OVNKubernetes") -> dict[str, Any]:
    return {
        "apiVersion": "operator.openshift.io/v1",
        "kind": "Network",
        "metadata": {"name": "cluster"},
        "spec": {
            "clusterNetwork": [{"cidr": "9.9.9.0/24"}],
            "defaultNetwork": {"type": kind, "ovnKubernetesConfig": ovn},
        },
    }


def endpoints(*ips: str) -> dict[str, Any]:
    addresses = [{"ip": ip} for ip in ips]
    meta = {"name": "kubernetes", "namespace": "default"}
    return {"kind": "Endpoints", "metadata": meta, "subsets": [{"addresses": addresses}]}


def labels(*found: dict[str, Any]) -> dict[str, list[str]]:
    problems: list[Problem] = []
    detected = autodetected(map(objects.of, found), problems)
    assert problems == []
    return {label.name: label.cidrs for label in detected}


def test_the_four_labels_of_openshift_in_order() -> None:
    """Machines, Pods, Services and external addresses, with the API server outside of them."""
    found = labels(
        endpoints("10.0.0.9", "203.0.113.7", "2001:db8::7"), operator({}), CONFIG, INSTALL
    )
    assert found == {
        "Machines": ["10.0.0.0/16", *OVN],
        "Pods": ["10.128.0.0/14"],
        "Services": ["172.30.0.0/16", "203.0.113.7/32", "2001:db8::7/128"],
        "EXT:ExternalIP": ["192.0.2.0/24"],
    }
    assert list(found) == ["Machines", "Pods", "Services", "EXT:ExternalIP"]


@pytest.mark.parametrize(
    ("ovn", "expected"),
    [
        ({}, OVN),
        ({"ipv4": {"internalJoinSubnet": "100.99.0.0/16"}}, ["100.99.0.0/16", *OVN[1:]]),
        ({"v4InternalSubnet": "100.98.0.0/16"}, ["100.98.0.0/16", *OVN[1:]]),
        (
            {
                "ipv4": {"internalTransitSwitchSubnet": "100.97.0.0/16"},
                "gatewayConfig": {"ipv4": {"internalMasqueradeSubnet": "169.254.64.0/18"}},
                "ipv6": {"internalJoinSubnet": "fd97::/64"},
            },
            ["100.64.0.0/16", "100.97.0.0/16", "169.254.64.0/18", "fd97::/64"],
        ),
    ],
)
def test_internal_networks_and_their_overrides(ovn: dict[str, Any], expected: list[str]) -> None:
    """OVN's networks are the usual ones unless the operator's object replaces them."""
    assert labels(INSTALL, operator(ovn))["Machines"] == ["10.0.0.0/16", *expected]


def test_no_internal_networks_with_another_plugin() -> None:
    """Another network plugin has none of OVN's networks."""
    assert labels(INSTALL, operator({}, "OpenShiftSDN"))["Machines"] == ["10.0.0.0/16"]


def test_each_source_may_be_missing() -> None:
    """Each object alone gives what it says."""
    without_version = {k: v for k, v in CONFIG.items() if k != "apiVersion"}
    assert list(labels(without_version)) == ["Machines", "Pods", "Services", "EXT:ExternalIP"]
    assert labels(INSTALL) == {"Machines": ["10.0.0.0/16", *OVN]}
    assert labels() == {}


def test_endpoint_slices_serve_as_well() -> None:
    """The API server's addresses may come from a slice instead of Endpoints."""
    meta = {"name": "kubernetes", "labels": {"kubernetes.io/service-name": "kubernetes"}}
    one = {"kind": "EndpointSlice", "metadata": meta, "endpoints": [{"addresses": ["192.0.2.9"]}]}
    assert labels(one) == {"Services": ["192.0.2.9/32"]}


@pytest.mark.parametrize("form", ["FD00:0::9", "fd00::9", "fd00:0:0:0:0:0:0:9%eth0"])
def test_nodes_and_api_servers_in_any_form(form: str) -> None:
    """One machine is one network, however its address is written."""
    addresses = [{"type": "InternalIP", "address": form}]
    node = {"kind": "Node", "metadata": {"name": "n"}, "status": {"addresses": addresses}}
    assert labels(node, endpoints(form)) == {"Machines": ["fd00::9/128"]}
    assert labels(endpoints(form)) == {"Services": ["fd00::9/128"]}


def test_other_clusters_from_nodes_and_kubeadm() -> None:
    """Without OpenShift's objects nodes, ranges and kubeadm's settings are used."""
    node = {
        "kind": "Node",
        "metadata": {"name": "n1"},
        "spec": {"podCIDRs": ["10.244.0.0/24", "fd00:244::/64"]},
        "status": {
            "addresses": [
                {"type": "InternalIP", "address": "192.168.1.5"},
                {"type": "Hostname", "address": "n1"},
            ]
        },
    }
    ranges = {
        "kind": "ServiceCIDR",
        "metadata": {"name": "kubernetes"},
        "spec": {"cidrs": ["10.96.0.0/12"]},
    }
    assert labels(node, ranges) == {
        "Machines": ["192.168.1.5/32"],
        "Pods": ["10.244.0.0/24", "fd00:244::/64"],
        "Services": ["10.96.0.0/12"],
    }
    networking = "networking: {podSubnet: '10.244.0.0/16,fd00::/56', serviceSubnet: 10.97.0.0/16}"
    kubeadm = {
        "kind": "ConfigMap",
        "metadata": {"name": "kubeadm-config", "namespace": "kube-system"},
        "data": {"ClusterConfiguration": networking},
    }
    assert labels(node, ranges, kubeadm) == {
        "Machines": ["192.168.1.5/32"],
        "Pods": ["10.244.0.0/16", "fd00::/56"],
        "Services": ["10.97.0.0/16"],
    }


def test_what_cannot_be_read_is_left_out_with_a_warning() -> None:
    """A broken setting and an invalid CIDR are warnings; the rest is derived."""
    broken = {**INSTALL, "data": {"install-config": "a: ["}}
    odd = {**CONFIG, "spec": {"clusterNetwork": [{"cidr": "10.128.0.0"}], "serviceNetwork": 7}}
    problems: list[Problem] = []
    detected = autodetected(map(objects.of, [broken, odd]), problems)
    assert detected == [Label("Machines", OVN)]
    assert [problem.severity for problem in problems] == ["warning", "warning"]
    assert problems[0].message.startswith("ConfigMap cluster-config-v1, install-config:2:1: ")
    assert problems[1].message == 'label "Pods" of the cluster: "10.128.0.0" is not a valid CIDR'


def collector(**labels: object) -> dict[str, Any]:
    spec = {"processor": {"subnetLabels": labels}}
    return {"kind": "FlowCollector", "metadata": {"name": "cluster"}, "spec": spec}


S3 = {"name": "S3", "cidrs": ["3.5.204.0/22"]}


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        ({}, ["Machines"]),
        ({"customLabels": [S3]}, ["S3", "Machines"]),
        ({"openShiftAutoDetect": True, "customLabels": [S3]}, ["S3", "Machines"]),
        ({"openShiftAutoDetect": False, "customLabels": [S3]}, ["S3"]),
        ({"autoDetect": False, "customLabels": [S3]}, ["S3"]),
        ({"openShiftAutoDetect": None, "customLabels": None}, ["Machines"]),
    ],
)
def test_labels_of_a_flow_collector_come_first(labels: dict[str, Any], names: list[str]) -> None:
    """Custom labels precede derived ones, which it may switch off."""
    found = described(map(objects.of, [INSTALL, collector(**labels)]), [])
    assert [label.name for label in found] == names


def test_a_custom_label_that_is_none_is_left_out() -> None:
    """An invalid name or CIDR is a warning."""
    odd = [{"name": "a b", "cidrs": ["10.0.0.0/8"]}, {"name": "x", "cidrs": ["10.0.0.0"]}, S3]
    problems: list[Problem] = []
    assert described([objects.of(collector(customLabels=odd))], problems) == [
        Label("S3", ["3.5.204.0/22"])
    ]
    assert [problem.message for problem in problems] == [
        'FlowCollector: "a b" is not a valid name of a subnet label',
        'label "x" of the cluster: "10.0.0.0" is not a valid CIDR',
    ]


@pytest.mark.parametrize(
    ("kind", "name", "service", "expected"),
    [
        *(("Node", "n1", "", True), ("Pod", "web-1", "", False), ("ConfigMap", "any", "", True)),
        *(("Endpoints", "kubernetes", "", True), ("Endpoints", "web", "", False)),
        *(("EndpointSlice", "x", "kubernetes", True), ("EndpointSlice", "x", "web", False)),
    ],
)
def test_what_labels_are_derived_from(
    kind: str, name: str, service: str, *, expected: bool
) -> None:
    """Of thousands of EndpointSlices, those of the API server alone."""
    own = {"kubernetes.io/service-name": service} if service else {}
    meta = {"name": name, "namespace": "default", "labels": own}
    assert matters(objects.of({"kind": kind, "metadata": meta})) is expected
