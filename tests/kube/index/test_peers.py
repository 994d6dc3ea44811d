"""The objects that addresses resolve to, many at a time: as one by one."""

from __future__ import annotations

from typing import Any

from pipeline.kube.api import objects
from pipeline.kube.index.index import PRIMARY, ZONE_LABEL, Index
from pipeline.kube.index.owners import Climb
from pipeline.kube.index.peers import Peers


def owned(kind: str, name: str) -> dict[str, Any]:
    return {"ownerReferences": [{"kind": kind, "name": name, "controller": True}]}


def pod(name: str, ip: str, owner: dict[str, Any], **spec: str) -> dict[str, Any]:
    return {
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "shop"} | owner,
        "spec": spec,
        "status": {"hostIP": "10.0.0.1", "podIPs": [{"ip": ip}]},
    }


INDEX = Index(
    map(
        objects.of,
        [
            pod("web-1-a", "10.128.0.1", owned("ReplicaSet", "web-1"), nodeName="one"),
            pod("web-1-b", "10.128.0.2", owned("ReplicaSet", "web-1")),
            pod("alone", "10.128.0.3", {}, nodeName="two"),
            {
                "kind": "ReplicaSet",
                "metadata": {"name": "web-1", "namespace": "shop"} | owned("Deployment", "web"),
            },
            {
                "kind": "Node",
                "metadata": {"name": "one", "labels": {ZONE_LABEL: "z"}},
                "status": {"addresses": [{"type": "InternalIP", "address": "10.0.0.1"}]},
            },
        ],
    )
)
ADDRESSES = ["10.128.0.3", "10.128.0.1", "10.0.0.1", "10.128.0.2", "10.128.0.1"]


def test_owners_and_nodes_are_those_of_each() -> None:
    found = INDEX.held(ADDRESSES)
    peers = Peers(INDEX, Climb(), found.entries, [PRIMARY] * len(found.entries))
    single = [INDEX.lookup(address, Climb()) for address in ADDRESSES]
    assert peers.owners == [one.owner for one in single if one]
    assert peers.hosts == [(one.host_name, one.zone) for one in single if one]
    assert {owner.name for owner in peers.owners} == {"alone", "web", "one"}
    assert ("one", "z") in peers.hosts
    assert ("two", "") in peers.hosts
