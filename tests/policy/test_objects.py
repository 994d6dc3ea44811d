"""Objects as the API prints them, found by what they are asked for."""

from __future__ import annotations

from policy.objects import Cluster, Manifest
from policy.parts import NamedPort, Reference
from policy.selectors import LabelSelector
from tests.support.policies import namespace, node, pod


def owned(kind: str, name: str, owner: str = "", **spec: object) -> Manifest:
    parent, _, its_name = owner.partition("/")
    references = [{"kind": parent, "name": its_name, "controller": True}] if owner else []
    metadata = {"namespace": "shop", "name": name, "ownerReferences": references}
    return {"kind": kind, "metadata": metadata, "spec": spec}


def names(cluster: Cluster, kind: str, name: str) -> list[str]:
    return [one.name for one in cluster.pods_of(Reference(kind, "shop", name))]


def test_every_namespace_has_the_label_of_its_name() -> None:
    cluster = Cluster([namespace("shop", team="a")])
    key = "kubernetes.io/metadata.name"
    assert cluster.labels_of_namespace("shop") == {"team": "a", key: "shop"}
    assert cluster.labels_of_namespace("unlisted") == {key: "unlisted"}


def test_a_pod_belongs_to_all_its_owners() -> None:
    cluster = Cluster(
        [
            pod("shop/web-1-x", owner="ReplicaSet/web-1"),
            owned("ReplicaSet", "web-1", "Deployment/web"),
            pod("shop/alone"),
        ]
    )
    for kind, name in (("Deployment", "web"), ("ReplicaSet", "web-1"), ("Pod", "web-1-x")):
        assert names(cluster, kind, name) == ["web-1-x"]
    found = {str(one.workload) for one in cluster.pods}
    assert found == {"Deployment shop/web", "Pod shop/alone"}


def test_a_node_controls_no_workload() -> None:
    cluster = Cluster([pod("shop/static", owner="Node/n1")])
    assert str(cluster.pods[0].workload) == "Pod shop/static"


def test_ended_pods_and_templates_stand_for_a_workload_without_pods() -> None:
    template = {"metadata": {"labels": {"app": "batch"}}, "spec": {}}
    job = owned("CronJob", "batch", jobTemplate={"spec": {"template": template}})
    assert [
        one.labels for one in Cluster([job]).pods_of(Reference("CronJob", "shop", "batch"))
    ] == [{"app": "batch"}]
    run = owned("Job", "batch-29000000", "CronJob/batch")
    ended = pod("shop/batch-29000000-x", owner="Job/batch-29000000", phase="Succeeded")
    assert names(Cluster([job, run, ended]), "CronJob", "batch") == ["batch-29000000-x"]
    alive = pod("shop/batch-29000001-x", owner="Job/batch-29000001")
    again = owned("Job", "batch-29000001", "CronJob/batch")
    found = Cluster([job, run, ended, again, alive])
    assert names(found, "CronJob", "batch") == ["batch-29000001-x"]


def test_the_job_of_a_cron_job_is_known_by_its_name_when_it_is_gone() -> None:
    template = {"metadata": {"labels": {"app": "batch"}}}
    cluster = Cluster([owned("CronJob", "batch", jobTemplate={"spec": {"template": template}})])
    gone = Reference("Job", "shop", "batch-29000000")
    assert cluster.workload_of(gone) == Reference("CronJob", "shop", "batch")
    assert cluster.pods_of(gone)[0].labels == {"app": "batch"}
    other = Reference("Job", "shop", "other-29000000")
    assert cluster.workload_of(other) == other


def test_selectors_of_controllers() -> None:
    cluster = Cluster(
        [
            owned("Deployment", "web", selector={"matchLabels": {"app": "web"}}),
            owned("ReplicationController", "old", selector={"app": "old"}),
            owned("DeploymentConfig", "older", selector={"app": "older"}),
            owned("CronJob", "batch"),
        ]
    )
    found = {one.name: known.selector for one, known in cluster.controllers.items()}
    assert found == {
        "web": LabelSelector({"app": "web"}),
        "old": LabelSelector({"app": "old"}),
        "older": LabelSelector({"app": "older"}),
        "batch": None,
    }


def test_addresses_of_nodes_and_of_pods_on_the_host_network() -> None:
    agent = pod("shop/agent", "192.168.0.2", node="n2", host=True)
    cluster = Cluster([node("n1", "192.168.0.1"), agent, pod("shop/web", "FD00::1", "10.0.0.1")])
    assert cluster.host_addresses == {"192.168.0.1": "n1", "192.168.0.2": "n2"}
    assert {ip: one.name for ip, one in cluster.pods.by_address.items()} == {
        "fd00::1": "web",
        "10.0.0.1": "web",
    }


def test_a_pod_is_on_the_host_network_by_its_addresses_too() -> None:
    """Exported inventories have no `hostNetwork`."""
    one = pod("shop/agent", "192.168.0.2")
    one["status"]["hostIP"] = "192.168.0.2"
    assert Cluster([one]).pods[0].on_host_network


def test_ports_that_have_a_name() -> None:
    one = pod("shop/web", ports={"http": 8080, "udp-dns": 53})
    one["spec"]["containers"] += [{"ports": [{"containerPort": 1}]}]
    sidecar = {"restartPolicy": "Always", "ports": [{"name": "proxy", "containerPort": 15001}]}
    one["spec"]["initContainers"] = [sidecar, {"ports": [{"name": "no", "containerPort": 2}]}]
    assert Cluster([one]).pods[0].ports == (
        NamedPort("http", "TCP", 8080),
        NamedPort("udp-dns", "UDP", 53),
        NamedPort("proxy", "TCP", 15001),
    )


def test_an_object_of_another_shape_is_a_problem_and_the_others_are_used() -> None:
    cluster = Cluster([{"kind": "Pod", "metadata": {"name": "x", "labels": []}}, pod("shop/web")])
    assert [one.message for one in cluster.problems] == [
        "Pod x: field labels: expected mapping or nothing, got list"
    ]
    assert [one.name for one in cluster.pods] == ["web"]


def test_services_select_living_pods_and_have_slices() -> None:
    service = {
        "kind": "Service",
        "metadata": {"namespace": "shop", "name": "web"},
        "spec": {"selector": {"app": "web"}, "clusterIP": "172.30.0.1", "ports": [{"port": 80}]},
    }
    slice_ = {
        "kind": "EndpointSlice",
        "metadata": {
            "namespace": "shop",
            "name": "web-x",
            "labels": {"kubernetes.io/service-name": "web"},
        },
        "endpoints": [
            {"addresses": ["10.0.0.1"], "targetRef": {"kind": "Pod", "name": "web-1"}},
            {"addresses": ["FD00::9"]},
        ],
        "ports": [{"name": "", "port": 8080}],
    }
    pods = [
        pod("shop/web-1", labels={"app": "web"}),
        pod("shop/web-2", labels={"app": "web"}, phase="Failed"),
        pod("mon/web-3", labels={"app": "web"}),
    ]
    cluster = Cluster([service, slice_, *pods])
    reference = Reference("Service", "shop", "web")
    found = cluster.services[reference]
    assert (found.addresses, found.ports[0].target) == (("172.30.0.1",), 80)
    assert [one.name for one in cluster.selected_by(found)] == ["web-1"]
    (one,) = cluster.slices_of(reference)
    assert [endpoint.addresses for endpoint in one.endpoints] == [("10.0.0.1",), ("fd00::9",)]
    assert one.ports == (NamedPort("", "TCP", 8080),)


def test_what_is_no_address_is_nobodys() -> None:
    one = {**pod("shop", "web"), "status": {"podIPs": [{"ip": "999.1.1.1"}, {"ip": "10.1.0.1"}]}}
    assert list(Cluster([one]).pods.by_address) == ["10.1.0.1"]
