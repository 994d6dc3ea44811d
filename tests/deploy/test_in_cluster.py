"""A worker with nothing but what a pod has: its service account's files, and two variables."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self
from urllib.request import urlopen

import pytest
import yaml

from tests.deploy.deployed import account, moved, prepare, stages
from tests.kube.live import Client, Proxy, pod
from tests.real.cluster import apply, delete, eventually, present, read, token
from tests.real.kube import Kube
from tests.real.parts import LOCALHOST
from tests.real.pod import Pod, environment

OVERLAY = "kafka-plain"
COMMAND = Path(sys.executable).with_name("flowmatrix")
RIGHTS = {"ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"}


def worker(space: str, name: str, ip: str) -> dict[str, Any]:
    """A pod of the service account."""
    one = pod(name, ip, space)
    return {**one, "spec": {**one["spec"], "serviceAccountName": "flowmatrix"}}


def secret(space: str) -> dict[str, Any]:
    """What a token is bound to that shall not live as long as its pod."""
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": space}}


def metric(space: str) -> dict[str, Any]:
    return {
        "apiVersion": "flows.netobserv.io/v1alpha1",
        "kind": "FlowMetric",
        "metadata": {"name": "flows", "namespace": space},
        "spec": {"type": "Counter", "labels": ["SrcK8S_Name"]},
    }


class InCluster:
    """The service account of deploy/ in a pod that reaches the server by a wire to cut."""

    def __init__(self, server: Kube, space: str, folder: Path) -> None:
        self.server, self.space, self.folder = server, space, folder
        self.proxy = Proxy(server)
        volume = folder / "serviceaccount"
        volume.mkdir()
        self.pod = Pod(volume)
        self._environment = environment(f"https://{LOCALHOST}:{self.proxy.port}")

    def give(self, bound: dict[str, Any]) -> str:
        """Let the pod have a new token, which is good for as long as an object is there."""
        meta = read(self.server, bound)["metadata"]
        to = {"apiVersion": "v1", "kind": bound["kind"], "name": meta["name"], "uid": meta["uid"]}
        own = account(OVERLAY, self.space)
        fresh = token(self.server, own, boundObjectRef=to, expirationSeconds=600)
        ca = Path(str(self.server.reach.ca)).read_text()
        self.pod.project({"token": fresh, "ca.crt": ca, "namespace": self.space})
        return fresh

    def accepts(self, token: str) -> bool:
        """Whether the server knows a token."""
        try:
            self.server.request("GET", "/api/v1/pods?limit=1", token=token)
        except RuntimeError as error:
            return ": 401 " not in str(error)
        return True

    def start(self, *arguments: str | Path) -> subprocess.Popen[str]:
        """A command in the pod."""
        return subprocess.Popen(
            self.pod.command(COMMAND, *arguments),
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


class Worker:
    """`run` in the pod, with the pipeline as deployed; its flows come from a pipe."""

    def __init__(self, cluster: InCluster) -> None:
        source = {"name": "flows", "type": "ingest_stdin", "decoder": "json"}
        deployed = [source, *stages(OVERLAY)[1:]]
        (metrics,) = [stage for stage in deployed if stage["type"] == "flow_metrics"]
        metrics["namespaces"] = [cluster.space]
        config = cluster.folder / "config.yaml"
        config.write_text(yaml.safe_dump({"stages": deployed}))
        self.process = cluster.start("run", config, "--listen", f"{LOCALHOST}:0")
        assert self.process.stderr
        said = self.process.stderr.readline()
        found = re.search(r"serving (http\S+)/metrics", said)
        assert found, said + self.process.communicate()[1]
        self.url = found[1]

    def flow(self, address: str) -> None:
        assert self.process.stdin
        self.process.stdin.write(json.dumps({"SrcAddr": address}) + "\n")
        self.process.stdin.flush()

    def page(self, path: str) -> str:
        with urlopen(f"{self.url}{path}") as answer:
            text: str = answer.read().decode()
            return text

    def shows(self, line: str) -> bool:
        return line in self.page("/metrics").splitlines()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        said = self.process.communicate(timeout=60)[1]
        assert self.process.returncode == 0, said


@pytest.fixture
def cluster(own_kube_server: Kube, space: str, tmp_path: Path) -> Iterator[InCluster]:
    """On a server of ours: its certificate is good for the end of the wire."""
    prepare(own_kube_server, OVERLAY)
    made = InCluster(own_kube_server, space, tmp_path)
    rights = [one for one in moved(OVERLAY, space) if one["kind"] in RIGHTS]
    with made.proxy, present(own_kube_server, account(OVERLAY, space), *rights):
        yield made


def test_a_worker_whose_token_is_replaced(cluster: InCluster) -> None:
    """The token is replaced and the old one revoked: the worker follows on without a restart.

    It is refused once or twice, or not at all if it read the new token just before.
    """
    server, space, client = cluster.server, cluster.space, Client(cluster.server)
    for one in metric(space), secret(space):
        apply(server, one)
    first = worker(space, "first", "198.18.7.1")
    client.create(first)
    old = cluster.give(secret(space))
    with Worker(cluster) as run:
        run.flow("198.18.7.1")
        eventually(lambda: run.shows('netobserv_flows{SrcK8S_Name="first"} 1'))
        assert json.loads(run.page("/readyz")) == {"status": "ready"}

        cluster.give(first)
        delete(server, secret(space))  # and with it the first token goes
        asked = cluster.start("who", "198.18.7.1")
        assert f"object       Pod {space}/first" in asked.communicate(timeout=60)[0]
        eventually(lambda: not cluster.accepts(old))
        cluster.proxy.cut()
        client.create(pod("later", "198.18.7.2", space))

        def counted() -> bool:
            run.flow("198.18.7.2")
            return 'SrcK8S_Name="later"' in run.page("/metrics")

        eventually(counted)
        eventually(lambda: json.loads(run.page("/readyz")) == {"status": "ready"})
        refused = re.findall(r'kube_errors{kind="Pod",code="401"} (\d+)', run.page("/metrics"))
        assert sum(map(int, refused)) <= 2


def test_an_inventory_from_within(cluster: InCluster) -> None:
    """The rights of a worker are enough, and what they do not cover is said."""
    one = worker(cluster.space, "seen", "198.18.7.3")
    Client(cluster.server).create(one)
    cluster.give(one)
    out = cluster.folder / "dump.yaml"
    taken = cluster.start("inventory", "--namespace", cluster.space, "--out", out)
    said, warned = taken.communicate(timeout=60)
    assert taken.returncode == 0, warned
    assert "1 Pod" in said
    assert "warning: jobs: jobs.batch is forbidden" in warned
    assert "198.18.7.3" in out.read_text()


def test_a_pod_without_a_token(cluster: InCluster) -> None:
    """automountServiceAccountToken: false."""
    asked = cluster.start("who", "198.18.7.1")
    _, said = asked.communicate(timeout=60)
    assert asked.returncode == 1
    assert "not inside a cluster: Service token file does not exist." in said
