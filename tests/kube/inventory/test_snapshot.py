"""What is taken of a real cluster says whose an address is, as the cluster itself does."""

from __future__ import annotations

import json
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from pipeline.kube.api.client import ClusterConnection
from pipeline.kube.index.owners import Climb
from pipeline.kube.inventory import file, snapshot
from tests.kube.live import Client, path_of, pod
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


LABELS = {"app": "web"}
TEMPLATE: dict[str, Any] = {
    "metadata": {"labels": LABELS},
    "spec": {
        "containers": [
            {
                "name": "main",
                "image": "workload",
                "ports": [{"name": "http", "containerPort": 8080, "protocol": "TCP"}],
            }
        ]
    },
}


def of_policies(space: str) -> list[dict[str, Any]]:
    """What edges and policies read, one of each kind."""

    def one(version: str, kind: str, **parts: Any) -> dict[str, Any]:
        labels = {"kubernetes.io/service-name": "web"} if kind == "EndpointSlice" else {}
        metadata = {"name": "web", "namespace": space, "labels": labels}
        return {"apiVersion": version, "kind": kind, "metadata": metadata, **parts}

    controller = {"selector": {"matchLabels": LABELS}, "template": TEMPLATE}
    once = {"template": {**TEMPLATE, "spec": {**TEMPLATE["spec"], "restartPolicy": "Never"}}}
    port = {"name": "http", "port": 80, "protocol": "TCP", "targetPort": "http"}
    return [
        one("v1", "Service", spec={"selector": LABELS, "ports": [port]}),
        one("apps/v1", "Deployment", spec=controller),
        one("apps/v1", "StatefulSet", spec=controller | {"serviceName": "web"}),
        one("apps/v1", "DaemonSet", spec=controller),
        one("batch/v1", "CronJob", spec={"schedule": "0 0 1 1 *", "jobTemplate": {"spec": once}}),
        one(
            *("discovery.k8s.io/v1", "EndpointSlice"),
            addressType="IPv4",
            endpoints=[{"addresses": ["198.18.7.9"]}],
            ports=[{"name": "http", "port": 8080, "protocol": "TCP"}],
        ),
        one("networking.k8s.io/v1", "NetworkPolicy", spec={"podSelector": {}}),
    ]


def test_selectors_ports_and_policies(own_kube_server: Kube, space: str, tmp_path: Path) -> None:
    """What a real server has of them is there, and read as an inventory nevertheless."""
    client = Client(own_kube_server)
    for one in of_policies(space):
        path = path_of(one).replace("policys", "policies")
        client("POST", path, one)
    with closing(ClusterConnection(kubeconfig(own_kube_server, tmp_path))) as connection:
        taken = list(snapshot.take(connection, [space], refused=lambda _: None))
    own = {one["kind"]: one for one in taken if one["metadata"].get("namespace") == space}
    for kind in ("Deployment", "StatefulSet", "DaemonSet"):
        assert own[kind]["spec"]["selector"] == {"matchLabels": LABELS}
        (container,) = own[kind]["spec"]["template"]["spec"]["containers"]
        assert container == {"name": "main", "ports": TEMPLATE["spec"]["containers"][0]["ports"]}
    inner = own["CronJob"]["spec"]["jobTemplate"]["spec"]["template"]
    assert inner["metadata"]["labels"] == LABELS
    assert own["Service"]["spec"]["selector"] == LABELS
    assert own["EndpointSlice"]["endpoints"] == [{"addresses": ["198.18.7.9"]}]
    assert own["NetworkPolicy"]["spec"] == {"podSelector": {}, "policyTypes": ["Ingress"]}
    (of_it,) = [
        one for one in taken if (one["kind"], one["metadata"]["name"]) == ("Namespace", space)
    ]
    assert of_it["metadata"]["labels"]["kubernetes.io/metadata.name"] == space
    file.write(taken, tmp_path / "kube.yaml")
    assert file.load(tmp_path / "kube.yaml")[1] == []


@pytest.mark.parametrize("everywhere", [True, False])
def test_the_endpoints_of_the_api_server_are_there_once(
    *, everywhere: bool, own_kube_server: Kube, space: str, tmp_path: Path
) -> None:
    """Among all slices, or read on their own where only some namespaces are listed."""
    client = Client(own_kube_server)
    (one,) = [each for each in of_policies("default") if each["kind"] == "EndpointSlice"]
    one["metadata"] |= {"name": "kubernetes"}
    client.delete(one)
    client("POST", path_of(one), one)
    try:
        with closing(ClusterConnection(kubeconfig(own_kube_server, tmp_path))) as connection:
            spaces = [] if everywhere else [space]
            taken = list(snapshot.take(connection, spaces, refused=lambda _: None))
    finally:
        client.delete(one)
    names = [each["metadata"]["name"] for each in taken if each["kind"] == "EndpointSlice"]
    assert names.count("kubernetes") == 1


class _Odd(BaseHTTPRequestHandler):
    """An API server with a node, and with objects that are none; of all else it has nothing."""

    def do_GET(self) -> None:
        odd = [{}, {"metadata": {"name": "x"}, "status": "Ready"}, {"metadata": {"name": "n1"}}]
        items = odd if self.path.startswith("/api/v1/nodes?") else []
        body = json.dumps({"metadata": {"resourceVersion": "1"}, "items": items}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def test_objects_that_are_none_are_told_and_the_others_taken(tmp_path: Path) -> None:
    refused: list[snapshot.Refused] = []
    with ThreadingHTTPServer(("127.0.0.1", 0), _Odd) as server:
        Thread(target=server.serve_forever).start()
        cluster = {"server": f"http://127.0.0.1:{server.server_port}"}
        path = tmp_path / "kubeconfig"
        document = {
            "current-context": "c",
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
            "clusters": [{"name": "c", "cluster": cluster}],
            "users": [{"name": "u", "user": {"token": "t"}}],
        }
        path.write_text(json.dumps(document))
        try:
            with closing(ClusterConnection(path)) as connection:
                taken = list(snapshot.take(connection, refused=refused.append))
        finally:
            server.shutdown()
    assert [(one["kind"], one["metadata"]["name"]) for one in taken] == [("Node", "n1")]
    nodes = [one.reason for one in refused if one.what == "one of nodes"]
    assert nodes == [
        "not a Kubernetes object: metadata.name is missing",
        "not the shape of a Node: 'str' object has no attribute 'get'",
    ]
