"""From an address to an object: precedence, owners, hosts, changes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pipeline.kube.api import objects
from pipeline.kube.index import keys
from pipeline.kube.index.entries import IndexOptions
from pipeline.kube.index.index import Index, Peer
from pipeline.kube.index.kept import NOTHING, kept
from pipeline.kube.index.keys import Secondary
from pipeline.kube.index.owners import Climb

TRACKED = Climb(frozenset({"ReplicaSet", "Deployment", "Gateway"}))
ONE_HOP = Climb()


def thing(
    kind: str,
    name: str,
    owner: tuple[str, str] | None = None,
    /,
    namespace: str = "shop",
    **more: Any,
) -> dict[str, Any]:
    meta: dict[str, Any] = {"name": name, "namespace": namespace, **more.pop("metadata", {})}
    if owner:
        meta["ownerReferences"] = [{"kind": owner[0], "name": owner[1], "uid": "u"}]
    return {"kind": kind, "metadata": meta, **more}


def pod(name: str, *ips: str, owner: tuple[str, str] | None = None, **more: Any) -> dict[str, Any]:
    status = {"podIPs": [{"ip": ip} for ip in ips], "hostIP": "10.0.0.1", **more.pop("status", {})}
    return thing("Pod", name, owner, status=status, spec={"nodeName": "n1"}, **more)


def index(*found: dict[str, Any], options: IndexOptions | None = None) -> Index:
    return Index(map(objects.of, found), options)


def peer(of: Index, address: str, climb: Climb = TRACKED, **parts: Any) -> Peer:
    found = of.lookup(address, climb, **parts)
    assert found
    return found


NODE = {
    "kind": "Node",
    "metadata": {
        "name": "n1",
        "labels": {"topology.kubernetes.io/zone": "z1"},
        "annotations": {keys.NODE_SUBNETS: '{"default": "10.128.0.0/23"}'},
    },
    "status": {"addresses": [{"address": "10.0.0.1"}, {"address": "n1"}]},
}


def test_pod_then_node_then_service() -> None:
    """The kinds are tried in this order; an address that nobody has finds nothing."""
    service = thing("Service", "svc", spec={"clusterIPs": ["10.0.0.1", "10.9.9.9", "172.30.0.1"]})
    found = index(service, NODE, pod("a", "10.9.9.9"))
    assert peer(found, "10.9.9.9").kind == "Pod"
    assert peer(found, "10.0.0.1").kind == "Node"
    assert peer(found, "172.30.0.1").kind == "Service"
    assert found.lookup("172.30.0.01", TRACKED) is None


def test_a_host_network_pod_is_its_node() -> None:
    """A pod whose only address is its node's is found as the node."""
    found = index(NODE, pod("host", "10.0.0.1"))
    assert (peer(found, "10.0.0.1").kind, peer(found, "10.0.0.1").name) == ("Node", "n1")


def test_node_by_its_management_port() -> None:
    """OVN's mp0 address finds the node, unless OVN is switched off."""
    assert peer(index(NODE), "10.128.0.2").name == "n1"
    assert index(NODE, options=IndexOptions(cni=frozenset())).lookup("10.128.0.2", TRACKED) is None


def test_host_and_zone_come_from_the_node_whenever_it_arrives() -> None:
    """Objects may come in any order."""
    found = index(pod("a", "10.128.0.5"))
    assert (peer(found, "10.128.0.5").host_name, peer(found, "10.128.0.5").zone) == ("n1", "")
    found.add(objects.of(NODE))
    assert peer(found, "10.128.0.5").zone == "z1"


def test_host_by_address_when_the_pod_names_no_node() -> None:
    """The node is then the one that has the host address."""
    unnamed = {**pod("a", "10.128.0.5"), "spec": {}}
    assert peer(index(unnamed, NODE), "10.128.0.5").host_name == "n1"
    assert peer(index(unnamed), "10.128.0.5").host_name == ""


def owned(kind: str, name: str) -> dict[str, Any]:
    return pod("p", "10.1.1.1", owner=(kind, name))


CHAIN = [
    thing("ReplicaSet", "rs", ("Deployment", "deploy")),
    thing("Deployment", "deploy", ("Gateway", "gw")),
    thing("ReplicaSet", "of-rollout", ("Rollout", "rollout")),
    thing("ReplicaSet", "rs2", ("Deployment", "managed")),
    thing("Deployment", "managed", ("Operator", "op")),
    thing("Job", "job-28", ("CronJob", "job")),
    thing("Job", "of-other", ("Workflow", "w")),
    thing("ReplicationController", "dc-1", ("DeploymentConfig", "dc")),
    thing("VirtualMachineInstance", "vmi", ("VirtualMachine", "vm")),
    thing("StatefulSet", "sts", ("Operator", "op")),
    thing("ReplicaSet", "alone"),
]


@pytest.mark.parametrize(
    ("owner", "one_hop", "tracked", "further"),
    [
        (("ReplicaSet", "rs"), "Deployment/deploy", "Gateway/gw", "Gateway/gw"),
        (
            ("ReplicaSet", "of-rollout"),
            "Rollout/rollout",
            "ReplicaSet/of-rollout",
            "Rollout/rollout",
        ),
        (("ReplicaSet", "rs2"), "Deployment/managed", "Deployment/managed", "Deployment/managed"),
        (("ReplicaSet", "alone"), "ReplicaSet/alone", "ReplicaSet/alone", "ReplicaSet/alone"),
        (
            ("ReplicaSet", "unknown"),
            "ReplicaSet/unknown",
            "ReplicaSet/unknown",
            "ReplicaSet/unknown",
        ),
        (("Job", "job-28"), "Job/job-28", "Job/job-28", "CronJob/job"),
        (("Job", "of-other"), "Job/of-other", "Job/of-other", "Job/of-other"),
        (
            ("ReplicationController", "dc-1"),
            "ReplicationController/dc-1",
            "ReplicationController/dc-1",
            "DeploymentConfig/dc",
        ),
        (
            ("VirtualMachineInstance", "vmi"),
            "VirtualMachineInstance/vmi",
            "VirtualMachineInstance/vmi",
            "VirtualMachine/vm",
        ),
        (("StatefulSet", "sts"), "StatefulSet/sts", "StatefulSet/sts", "StatefulSet/sts"),
        (("Node", "n1"), "Node/n1", "Node/n1", "Node/n1"),
    ],
)
def test_owner(owner: tuple[str, str], one_hop: str, tracked: str, further: str) -> None:
    """The owner shown for each kind of climb: one hop, tracked kinds, further."""
    found = index(owned(*owner), *CHAIN)
    climbs = (ONE_HOP, TRACKED, Climb(TRACKED.tracked, further=True))
    owners = [peer(found, "10.1.1.1", climb).owner for climb in climbs]
    assert [f"{one.kind}/{one.name}" for one in owners] == [one_hop, tracked, further]


def test_an_untracked_owner_climbs_while_a_parent_is_known() -> None:
    """Only Gateways tracked: ReplicaSets are known, Deployments are not."""
    found = index(owned("ReplicaSet", "rs"), *CHAIN)
    assert peer(found, "10.1.1.1", Climb(frozenset({"Gateway"}))).owner.name == "deploy"


def test_at_most_three_hops() -> None:
    """A ring of owners ends after three hops."""
    ring = [
        thing("ReplicaSet", "a", ("ReplicaSet", "b")),
        thing("ReplicaSet", "b", ("ReplicaSet", "c")),
        thing("ReplicaSet", "c", ("ReplicaSet", "d")),
        thing("ReplicaSet", "d", ("ReplicaSet", "a")),
    ]
    found = index(owned("ReplicaSet", "a"), *ring)
    assert peer(found, "10.1.1.1", TRACKED).owner.name == "d"
    assert peer(found, "10.1.1.1", ONE_HOP).owner.name == "b"


def test_owners_are_of_the_same_namespace() -> None:
    """An owner of the same name in another namespace is another."""
    elsewhere = thing("ReplicaSet", "rs", ("Deployment", "other"), namespace="other")
    assert peer(index(owned("ReplicaSet", "rs"), elsewhere), "10.1.1.1").owner.name == "rs"


def test_nodes_and_services_own_themselves() -> None:
    """Owner references of other kinds than pods are not shown."""
    service = thing("Service", "svc", ("Operator", "op"), spec={"clusterIP": "172.30.0.1"})
    assert peer(index(service), "172.30.0.1").owner.kind == "Service"
    assert peer(index(NODE), "10.0.0.1").owner.name == "n1"


def test_of_two_pods_with_one_address_the_living_then_the_younger() -> None:
    """In any order of arrival, and again as each is removed."""
    old = pod("old", "10.1.1.1", metadata={"creationTimestamp": "2025-01-01T00:00:00Z"})
    new = pod("new", "10.1.1.1", metadata={"creationTimestamp": "2025-02-01T00:00:00Z"})
    done = pod(
        "done",
        "10.1.1.1",
        metadata={"creationTimestamp": "2025-03-01T00:00:00Z"},
        status={"phase": "Succeeded"},
    )
    for order in ([old, new, done], [done, new, old]):
        found = index(*order)
        assert peer(found, "10.1.1.1").name == "new"
        found.remove("Pod", "shop", "new")
        assert peer(found, "10.1.1.1").name == "old"
        found.remove("Pod", "shop", "old")
        assert peer(found, "10.1.1.1").name == "done"


def test_replacing_an_object_frees_its_addresses() -> None:
    """An address that a pod no longer has finds nothing."""
    found = index(pod("a", "10.1.1.1", "10.1.1.2"))
    before = found.version
    found.add(objects.of(pod("a", "10.1.1.3")))
    assert found.version > before
    assert found.lookup("10.1.1.1", TRACKED) is None
    assert peer(found, "10.1.1.3").name == "a"
    found.remove("Pod", "shop", "unknown")
    assert len(found) == 1


def test_only_what_matters_changes_the_version() -> None:
    """A kubelet rewrites the status of its pods and node all the time."""
    found = index(NODE, pod("a", "10.1.1.1"), *CHAIN, options=BY_MAC)
    before = found.version
    found.add(objects.of(pod("a", "10.1.1.1", status={"conditions": [{"type": "Ready"}]})))
    found.add(objects.of({**NODE, "spec": {"unschedulable": True}}))
    found.add(objects.of(CHAIN[0]))
    found.add(objects.of(thing("ConfigMap", "c")))
    found.remove("ConfigMap", "shop", "c")
    found.remove("Pod", "shop", "unknown")
    assert found.version == before
    found.remove("ReplicaSet", "shop", "rs")
    assert found.version > before


def test_removing_an_owner_ends_the_climb() -> None:
    """The owner below the removed one is shown."""
    found = index(owned("ReplicaSet", "rs"), *CHAIN)
    found.remove("ReplicaSet", "shop", "rs")
    assert peer(found, "10.1.1.1").owner.name == "rs"


BY_MAC = IndexOptions(secondary=(Secondary(mac=True), Secondary(udn=True)))
VM = pod(
    "vm",
    "10.1.1.1",
    metadata={
        "annotations": {
            keys.NETWORK_STATUS: json.dumps([{"name": "vms/l2", "mac": "02:AA:00:00:00:01"}]),
            keys.POD_NETWORKS: json.dumps({"shop/blue": {"ip_address": "10.2.0.7/24"}}),
        }
    },
)


def test_the_owner_of_a_pod_that_is_gone_is_remembered_as_long_as_the_pod() -> None:
    """Owners are deleted before their pods: they are kept for two windows."""
    of = index(options=IndexOptions(window=10.0))
    web = thing("ReplicaSet", "rs", ("Deployment", "web"))
    for one in (web, pod("p", "10.1.0.1", owner=("ReplicaSet", "rs"))):
        made = objects.of(one)
        of.put((made.kind, "shop", made.metadata.name), kept(made, of.options), 1_000)
    of.put(("ReplicaSet", "shop", "rs"), NOTHING, 5_000, 5_000)
    assert peer(of, "10.1.0.1").owner.name == "web"
    of.put(("Pod", "shop", "p"), NOTHING, 9_000, 9_000)
    of.expire(18_999)
    assert peer(of, "10.1.0.1").owner.name == "web"
    of.put(("ReplicaSet", "shop", "rs"), kept(objects.of(web), of.options), 19_000)
    of.expire(100_000)
    assert of.knows(("ReplicaSet", "shop", "rs")), "it is back"
    of.put(("ReplicaSet", "shop", "rs"), NOTHING, 100_000, 100_000)
    of.expire(120_000)
    assert not of.knows(("ReplicaSet", "shop", "rs"))


def test_it_knows_since_when_it_remembers() -> None:
    """Former holders are forgotten after the window; an index of a file forgets nobody."""
    of = index(options=IndexOptions(window=10.0))
    assert of.remembered == 0
    of.expire(25_000)
    assert of.remembered == 15_000


def test_a_secondary_key_comes_before_the_address() -> None:
    """A flow with the attachment's MAC is the attachment's pod, whoever has the address."""
    found = index(VM, pod("other", "10.1.1.9"), options=BY_MAC)
    assert peer(found, "10.1.1.9", mac="02:aa:00:00:00:01").name == "vm"
    assert peer(found, "10.1.1.9", mac="02:aa:00:00:00:01").network == "vms/l2"
    assert peer(found, "10.1.1.9", mac="02:aa:00:00:00:02").network == "primary"
    found.remove("Pod", "shop", "vm")
    assert peer(found, "10.1.1.9", mac="02:aa:00:00:00:01").name == "other"


def test_secondary_keys_only_when_asked_for() -> None:
    """Without secondary networks in the options no key is indexed."""
    assert index(VM).lookup("10.9.9.9", TRACKED, mac="02:aa:00:00:00:01") is None


def test_user_defined_networks_cluster_wide_or_not() -> None:
    """The name in a flow has a namespace unless the network is a cluster-wide one."""
    found = index(VM, options=BY_MAC)
    assert peer(found, "10.2.0.7", udns=["", "default", "shop/blue"]).network == "shop/blue"
    assert found.lookup("10.2.0.7", TRACKED, udns=["blue"]) is None
    cluster_wide = objects.of({"kind": "ClusterUserDefinedNetwork", "metadata": {"name": "blue"}})
    found.add(cluster_wide)
    assert peer(found, "10.2.0.7", udns=["blue"]).network == "blue"
    assert found.lookup("10.2.0.7", TRACKED, udns=["shop/blue"]) is None
    found.add(objects.of(thing("UserDefinedNetwork", "blue")))
    assert peer(found, "10.2.0.7", udns=["shop/blue"]).network == "shop/blue"


def test_labels_and_annotations() -> None:
    """Labels are always kept, annotations on demand."""
    labelled = pod("a", "10.1.1.1", metadata={"labels": {"app": "x"}, "annotations": {"n": "1"}})
    assert peer(index(labelled), "10.1.1.1").annotations == {}
    kept = index(labelled, options=IndexOptions(annotations=True))
    assert peer(kept, "10.1.1.1").annotations == {"n": "1"}
    assert (kept.label_keys(), kept.annotation_keys()) == ({"app"}, {"n"})


def test_an_index_of_a_dump_answers_as_the_one_that_was_dumped() -> None:
    """Also about former holders; what changes in one of them later does not in the other."""
    replicas = thing("ReplicaSet", "web-1", ("Deployment", "web"))
    options = IndexOptions(window=60.0)
    first = index(
        NODE, replicas, pod("a", "10.1.0.1", owner=("ReplicaSet", "web-1")), options=options
    )
    first.add(objects.of(pod("gone", "10.1.0.2")))
    first.put(("Pod", "shop", "gone"), NOTHING, 5_000)
    second = Index.of(first.dump())
    assert second.dump() == first.dump()
    for address in ("10.1.0.1", "10.1.0.2", "10.0.0.1"):
        assert second.periods(address) == first.periods(address)
        assert second.lookup(address, TRACKED) == first.lookup(address, TRACKED)
    assert peer(second, "10.1.0.1").owner.name == "web"
    second.add(objects.of(thing("ReplicaSet", "web-1", ("Deployment", "other"))))
    assert peer(second, "10.1.0.1").owner.name == "other"
    assert peer(first, "10.1.0.1").owner.name == "web"
    assert second.changed(0) == {"10.1.0.1"}
