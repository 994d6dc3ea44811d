"""The made-up cluster (docs/reference/scenario.md#cluster)."""

from __future__ import annotations

import pytest

from simulate import objects
from simulate.cluster import Cluster, Peer


@pytest.fixture
def cluster() -> Cluster:
    """Two nodes."""
    made = Cluster()
    made.node("a", "10.0.0.1", "zone-1")
    made.node("b", "10.0.0.2", "zone-2")
    return made


def kinds(cluster: Cluster) -> list[str]:
    return [f"{one['kind']} {one['metadata']['name']}" for one in cluster.manifests]


def test_a_node_is_its_address_and_that_of_its_management_port(cluster: Cluster) -> None:
    """Node k has the network 10.128.<2k>.0/23; the second address in it is its own."""
    assert cluster.peers == [
        Peer("10.0.0.1", "", "a", "Node", "Machines", 0),
        Peer("10.128.0.2", "", "a", "Node", "Pods", 0, "ovn-k8s-mp0"),
        Peer("10.0.0.2", "", "b", "Node", "Machines", 1),
        Peer("10.128.2.2", "", "b", "Node", "Pods", 1, "ovn-k8s-mp0"),
    ]
    assert kinds(cluster) == ["Node a", "Node b"]


def test_pods_of_a_workload_have_addresses_of_their_nodes(cluster: Cluster) -> None:
    pods = [cluster.peers[n] for n in cluster.workload("DaemonSet", "shop", "agent", [0, 1, 1])]
    assert [pod.addr for pod in pods] == ["10.128.0.3", "10.128.2.3", "10.128.2.4"]
    assert {pod[1:5] for pod in pods} == {("shop", "agent", "DaemonSet", "Pods")}
    assert [pod.host for pod in pods] == [0, 1, 1]
    assert len({pod.interface for pod in pods}) == 3


def test_a_pod_of_a_deployment_belongs_to_its_replica_set_and_counts_as_the_deployments(
    cluster: Cluster,
) -> None:
    (number,) = cluster.workload("Deployment", "shop", "web", [0])
    assert cluster.peers[number].kind == "Deployment"
    _, deployment, replica_set, pod = cluster.manifests[2:]
    assert [one["kind"] for one in (deployment, replica_set, pod)] == [
        "Deployment",
        "ReplicaSet",
        "Pod",
    ]
    assert pod["metadata"]["ownerReferences"][0]["uid"] == replica_set["metadata"]["uid"]
    assert replica_set["metadata"]["ownerReferences"][0]["uid"] == deployment["metadata"]["uid"]


def test_a_namespace_is_made_once(cluster: Cluster) -> None:
    pods = cluster.workload("StatefulSet", "shop", "db", [0, 1])
    port = objects.ServicePort(80, 8080)
    number = cluster.service(objects.Service("shop", "db", "172.30.0.9", (port,), "db"), pods)
    assert cluster.peers[number] == Peer("172.30.0.9", "shop", "db", "Service", "Services")
    assert kinds(cluster).count("Namespace shop") == 1
    assert "Pod db-0" in kinds(cluster)
    assert "Pod db-1" in kinds(cluster)


def test_an_external_address_has_no_workload(cluster: Cluster) -> None:
    number = cluster.external("3.5.204.1", "S3")
    assert cluster.peers[number] == Peer("3.5.204.1", label="S3")


def test_the_frame_has_the_agent_of_each_peers_node(cluster: Cluster) -> None:
    """OVN-Kubernetes derives the MAC address from the IPv4 address."""
    cluster.workload("DaemonSet", "shop", "agent", [1])
    cluster.external("3.5.204.1")
    frame = cluster.frame()
    assert frame["agent"].to_list() == [*["10.0.0.1"] * 2, *["10.0.0.2"] * 3, None]
    assert frame["mac"][4] == "0a:58:0a:80:02:03"
    assert frame["host"].to_list() == [0, 0, 1, 1, 1, -1]


def test_labels_are_machines_pods_and_services_in_this_order(cluster: Cluster) -> None:
    assert [name for name, _ in cluster.subnet_labels] == ["Machines", "Pods", "Services"]
    assert dict(cluster.subnet_labels)["Pods"] == ("10.128.0.0/14",)


def test_the_same_calls_make_the_same_objects() -> None:
    made = []
    for _ in range(2):
        one = Cluster()
        one.node("a", "10.0.0.1", "zone-1")
        one.workload("Deployment", "shop", "web", [0, 0])
        made.append(one.manifests)
    assert made[0] == made[1]
    names = [one["metadata"]["name"] for one in made[0] if one["kind"] == "Pod"]
    assert len(set(names)) == 2
