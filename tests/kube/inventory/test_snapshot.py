"""What is taken of a real cluster says whose an address is, as the cluster itself does."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

from pipeline.kube.api.client import ClusterConnection
from pipeline.kube.index.owners import Climb
from pipeline.kube.inventory import file, snapshot
from tests.kube.live import Client, pod
from tests.real.cluster import delete, kubeconfig
from tests.real.kube import Kube

HOSTS = ("198.18.7.1", "fd00:18:7::1")
NODE = {
    "apiVersion": "v1",
    "kind": "Node",
    "metadata": {"name": "dual"},
    "status": {"addresses": [{"type": "InternalIP", "address": ip} for ip in HOSTS]},
}
REFERENCES = [
    {"apiVersion": "example.io/v1", "kind": "Backup", "name": "nightly", "uid": "u1"},
    {"apiVersion": "apps/v1", "kind": "DaemonSet", "name": "agent", "uid": "u2"},
]


def host_network(space: str) -> dict[str, Any]:
    """A pod on the network of a dual-stack node."""
    both = [{"ip": ip} for ip in HOSTS]
    one = pod("agent", HOSTS[0], space, podIPs=both, hostIP=HOSTS[0], hostIPs=both)
    one["spec"] |= {"hostNetwork": True, "nodeName": "dual"}
    return one


def owned(space: str) -> dict[str, Any]:
    """A pod of its own network, dual-stack, whose controller is its second owner."""
    ips = [{"ip": "198.18.7.9"}, {"ip": "FD00:18:8:0::0009"}]
    one = pod("web", "198.18.7.9", space, podIPs=ips, hostIP=HOSTS[0])
    controls = [{"controller": False}, {"controller": True}]
    references = [a | b for a, b in zip(REFERENCES, controls, strict=True)]
    one["metadata"]["ownerReferences"] = references
    return one


def ended(space: str) -> dict[str, Any]:
    """A pod that has ended with an address that the node has now."""
    return pod("job", HOSTS[0], space, phase="Succeeded", hostIP="198.18.7.2")


def test_host_networks_owners_and_ends_survive(
    own_kube_server: Kube, space: str, tmp_path: Path
) -> None:
    """On a server of ours: elsewhere a node is work for controllers."""
    client = Client(own_kube_server)
    client.create(NODE)
    try:
        for one in (host_network(space), owned(space), ended(space)):
            client.create(one)
        with closing(ClusterConnection(kubeconfig(own_kube_server, tmp_path))) as connection:
            taken = list(snapshot.take(connection, [space], refused=lambda _: None))
    finally:
        delete(own_kube_server, NODE)
    file.write(taken, tmp_path / "kube.yaml")
    index, problems = file.load(tmp_path / "kube.yaml")
    assert problems == []
    for ip in HOSTS:
        found = index.lookup(ip, Climb())
        assert found
        assert (found.kind, found.name) == ("Node", "dual")
    for form in ("198.18.7.9", "fd00:18:8::9"):
        found = index.lookup(form, Climb())
        assert found
        assert (found.name, found.owner.name) == ("web", "agent")
