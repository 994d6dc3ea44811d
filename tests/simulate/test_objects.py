"""Kubernetes objects of a made-up cluster."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from simulate import objects
from simulate.objects import Coordinates, Service, ServicePort

PLACE = Coordinates("node-1", "10.0.0.1", "10.128.0.3")


def test_a_node_has_its_address_and_the_subnet_of_ovn() -> None:
    node = objects.node("n", "10.0.0.1", "10.128.0.0/23", "z")
    assert node["status"]["addresses"][0] == {"type": "InternalIP", "address": "10.0.0.1"}
    subnets = json.loads(node["metadata"]["annotations"]["k8s.ovn.org/node-subnets"])
    assert subnets == {"default": ["10.128.0.0/23"]}
    assert node["metadata"]["labels"]["topology.kubernetes.io/zone"] == "z"
    assert "namespace" not in node["metadata"]


@pytest.mark.parametrize(
    ("kind", "kinds"),
    [
        ("Deployment", ["Deployment", "ReplicaSet"]),
        ("StatefulSet", ["StatefulSet"]),
        ("DaemonSet", ["DaemonSet"]),
    ],
)
def test_only_a_deployment_is_followed_by_its_replica_set(kind: str, kinds: list[str]) -> None:
    made = objects.controller(objects.Workload(kind, "shop", "web", 3), "abc")
    assert [one["kind"] for one in made] == kinds
    assert all(one["apiVersion"] == "apps/v1" for one in made)
    assert ["replicas" in one["spec"] for one in made] == [kind != "DaemonSet"] * len(made)


def test_a_pod_has_the_labels_that_its_controller_selects() -> None:
    _, parent = objects.controller(objects.Workload("Deployment", "shop", "web", 1), "abc")
    pod = objects.pod("shop", "web-abc-x", "web", parent, PLACE)
    wanted = parent["spec"]["selector"]["matchLabels"]
    assert pod["metadata"]["labels"].items() >= wanted.items()
    assert wanted["pod-template-hash"] == "abc"
    (owner,) = pod["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["name"], owner["controller"]) == ("ReplicaSet", "web-abc", True)
    assert pod["spec"]["nodeName"] == "node-1"
    assert (pod["status"]["podIP"], pod["status"]["hostIP"]) == ("10.128.0.3", "10.0.0.1")


def test_a_cron_job_has_a_job_for_its_pods() -> None:
    """A pod has the labels of the template, and those of the run."""
    own, job = objects.controller(objects.Workload("CronJob", "shop", "nightly", 1), "abc")
    assert (own["kind"], job["kind"]) == ("CronJob", "Job")
    pod = objects.pod("shop", "nightly-x", "nightly", job, PLACE)
    assert pod["metadata"]["labels"] == {"app": "nightly"} | job["spec"]["selector"]["matchLabels"]
    assert own["spec"]["jobTemplate"]["spec"]["template"]["metadata"]["labels"] == {
        "app": "nightly"
    }
    assert job["metadata"]["ownerReferences"][0]["name"] == "nightly"


def test_a_service_has_a_slice_of_its_endpoints() -> None:
    ports = (ServicePort(53, 5353, "UDP"), ServicePort(53, 5353))
    made = objects.service(Service("dns", "d", "172.30.0.10", ports, "d"), ["10.128.0.3"])
    service, slice_ = made
    assert [port["name"] for port in service["spec"]["ports"]] == ["udp-53", "tcp-53"]
    assert [(port["port"], port["targetPort"]) for port in service["spec"]["ports"]] == [
        (53, 5353)
    ] * 2
    assert [port["port"] for port in slice_["ports"]] == [5353, 5353]
    assert service["spec"]["selector"] == {"app": "d"}
    assert slice_["metadata"]["labels"] == {"kubernetes.io/service-name": "d"}
    assert slice_["endpoints"][0]["addresses"] == ["10.128.0.3"]


def test_a_service_without_pods_has_endpoints_of_its_own() -> None:
    """As `default/kubernetes`, whose endpoints are the API servers."""
    bare = Service("default", "kubernetes", "172.30.0.1", (ServicePort(443, 6443),))
    service, _, endpoints = objects.service(bare, ["10.0.0.1", "10.0.0.2"])
    assert "selector" not in service["spec"]
    assert endpoints["kind"] == "Endpoints"
    (subset,) = endpoints["subsets"]
    assert [one["ip"] for one in subset["addresses"]] == ["10.0.0.1", "10.0.0.2"]
    assert subset["ports"][0]["port"] == 6443


def test_every_object_has_an_identity_of_its_own() -> None:
    made = [
        objects.namespace("a"),
        objects.namespace("b"),
        *objects.controller(objects.Workload("Deployment", "a", "web", 1), "x"),
        *objects.controller(objects.Workload("Deployment", "b", "web", 1), "x"),
    ]
    assert len({one["metadata"]["uid"] for one in made}) == 6


def test_an_inventory_is_yaml_documents_or_one_list(tmp_path: Path) -> None:
    shared: dict[str, Any] = objects.namespace("a")
    for name in ("i.yaml", "i.json"):
        objects.write(tmp_path / name, [shared, shared])
    text = (tmp_path / "i.yaml").read_text()
    assert list(yaml.safe_load_all(text)) == [shared, shared]
    assert "&" not in text
    listed = json.loads((tmp_path / "i.json").read_text())
    assert (listed["kind"], listed["items"]) == ("List", [shared, shared])
