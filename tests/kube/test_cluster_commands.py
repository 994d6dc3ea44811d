"""`inventory` and `who` on the real API server, and a worker that follows it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl
import pytest
import yaml
from typer.testing import CliRunner, Result

from pipeline import config
from pipeline.app.job import Job
from pipeline.cli.app import app
from pipeline.stage import VALUE
from pipeline.state.count_store import counters
from simulate import Simulation, simulate
from tests.kube.live import SPACE, Client, pod, populate, until
from tests.real.cluster import apply, kubeconfig, service_account, token
from tests.real.kube import Kube


class Live(NamedTuple):
    made: Simulation
    kubeconfig: Path
    server: Kube


pytestmark = pytest.mark.usefixtures("kube_is_ours")


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """The reference scenario with its objects on an API server."""
    made = simulate("reference", tmp_path_factory.mktemp("reference") / "reference.pb")
    with Kube(tmp_path_factory.mktemp("kube")) as server:
        manifests = list(yaml.safe_load_all(made.inventory.read_text()))
        populate(server, manifests)
        Client(server).create(_endpoints_of_the_server(manifests))
        account = service_account("default", "nobody")
        apply(server, account)
        path = made.config.with_name("kubeconfig")
        yield Live(made, kubeconfig(server, path, user=token(server, account)), server)


def _endpoints_of_the_server(manifests: list[Any]) -> dict[str, Any]:
    """The slice that an API server makes of its own addresses, where it is not alone."""
    (found,) = [
        one
        for one in manifests
        if one["kind"] == "EndpointSlice" and one["metadata"]["namespace"] == "default"
    ]
    ports = [{"name": "https", "port": 6443, "protocol": "TCP"}]
    return {**found, "metadata": {**found["metadata"], "name": "kubernetes"}, "ports": ports}


def flowmatrix(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def tables(path: Path) -> list[str]:
    """The matrix of a pipeline, times left out."""
    done = flowmatrix("matrix", path, "--namespace", "netobserv", "--format", "csv")
    assert done.exit_code == 0
    return [",".join(line.split(",")[:8]) for line in done.stdout.splitlines()]


def test_a_dump_replays_the_reference(live: Live, tmp_path: Path) -> None:
    """An inventory taken from a live cluster gives the matrix of the reference."""
    for name in ("dump.yaml", "dump.jsonl.gz"):
        out = tmp_path / name
        done = flowmatrix("inventory", "--kubeconfig", live.kubeconfig, "--out", out)
        assert done.exit_code == 0
        assert "6 Node, 6 Service, 6 ReplicaSet, 6 Deployment, 29 Pod" in done.stdout
        document = yaml.safe_load(live.made.config.read_text())
        enrich = next(stage for stage in document["stages"] if stage["type"] == "kubernetes")
        enrich["inventory"] = str(out)
        replay = live.made.config.with_name("replay.yaml")
        replay.write_text(yaml.safe_dump(document))
        assert tables(replay) == tables(live.made.config)
    assert "image" not in (tmp_path / "dump.yaml").read_text()


def test_the_matrix_of_a_live_cluster_is_that_of_its_inventory(live: Live) -> None:
    """The Service of the API server is joined with the nodes behind it, without subnet labels."""
    document = yaml.safe_load(live.made.config.read_text())
    source, enrich, *_ = document["stages"]
    known = {"inventory": enrich["inventory"]}
    cluster = {"cluster": {"kubeconfig": str(live.kubeconfig)}}
    rows = []
    for name, objects in (("file", known), ("live", cluster)):
        stage = {"name": "k8s", "type": "kubernetes", "follows": source["name"], **objects}
        edges = {"name": "edges", "type": "encode_matrix", "follows": "k8s"}
        path = live.made.config.with_name(f"{name}.yaml")
        path.write_text(yaml.safe_dump({"stages": [source, stage, edges]}))
        done = flowmatrix("matrix", path, "--format", "jsonl")
        assert done.exit_code == 0, done.stderr
        rows.append([json.loads(line) for line in done.stdout.splitlines()])
    assert rows[0] == rows[1]
    through = [row for row in rows[1] if "default/kubernetes:443" in row["services"]]
    assert {row["server_kind"] for row in through} == {"Node"}
    assert "kubernetes" not in {row["server_workload"] for row in rows[1]}


def test_who_is_a_pod_a_node_a_service(live: Live) -> None:
    """The command explains each kind, and fails for an address that nobody has."""
    options = ("--kubeconfig", live.kubeconfig, "--config", live.made.config)
    pod = flowmatrix("who", "10.128.4.4:9001", *options)
    assert pod.exit_code == 0
    for line in (
        "object       Pod netobserv/netobserv-plugin-",
        "because      a pod's own address (status.podIPs)",
        "owner        Deployment netobserv-plugin",
        "node         ip-10-0-40-11.eu-west-3.compute.internal (10.0.40.11)",
        "subnet label Pods: 10.128.0.0/14, first in list order (label 3 of 4, listed)",
        "port         9001",
    ):
        assert line in pod.stdout
    node = flowmatrix("who", "10.128.2.2", *options).stdout
    assert "object       Node ip-10-0-31-28.eu-west-3.compute.internal" in node
    assert "because      OVN's mp0 port" in node
    service = flowmatrix("who", "172.30.0.1:443", *options).stdout
    assert "object       Service default/kubernetes" in service
    assert "443 (https)" in service
    outside = flowmatrix("who", "3.5.204.1", *options)
    assert outside.exit_code == 0
    assert "object       none: " in outside.stdout
    assert "AWS_S3_eu-west-3: 3.5.204.0/22" in outside.stdout


def test_who_in_an_inventory_file(live: Live) -> None:
    """The same from a file, with an address in any form."""
    options = ("--inventory", live.made.inventory)
    for form in ("10.128.4.4", "::ffff:10.128.4.4", "[::FFFF:a80:404]:443"):
        assert "Pod netobserv/netobserv-plugin-" in flowmatrix("who", form, *options).stdout
    nobody = flowmatrix("who", "9.9.9.9", *options)
    assert nobody.exit_code == 1
    assert nobody.stdout.startswith("object       none: ")


def test_what_cannot_be_asked(live: Live, tmp_path: Path) -> None:
    """Contradicting options and unknown addresses are refused."""
    out = ("--out", tmp_path / "dump.yaml")
    forbidden = flowmatrix("inventory", "--kubeconfig", live.kubeconfig, "--context", "user", *out)
    assert forbidden.exit_code == 1
    assert "warning: pods: pods is forbidden" in forbidden.stderr
    assert "error: nothing could be read" in forbidden.stderr
    near = flowmatrix("inventory", "--kubeconfig", live.kubeconfig, "--context", "usr", *out)
    assert 'has no context "usr"; did you mean "user"?' in near.stderr
    absent = flowmatrix("who", "10.0.0.1", "--kubeconfig", tmp_path / "absent")
    assert "cannot be read: No such file" in absent.stderr
    assert '"10.0.0" is not an address' in flowmatrix("who", "10.0.0").stderr
    assert '"x" is not a port' in flowmatrix("who", "10.0.0.1:x").stderr
    assert '"noon" is not a time' in flowmatrix("who", "10.0.0.1", "--at", "noon").stderr


WORKER = """\
stages:
- {{name: flows, type: ingest_file, path: flows.jsonl, decoder: json}}
- {{name: k8s, type: kubernetes, follows: flows, zone: true, {objects}}}
- {{name: subnets, type: subnet_label, follows: k8s, {labels}}}
- name: count
  type: encode_prometheus
  follows: subnets
  metrics: [{{name: flows, labels: [Number, {fields}, SrcSubnetLabel]}}]
"""
FIELDS = [f"SrcK8S_{name}" for name in ("Name", "Type", "OwnerName", "OwnerType", "HostName")]


def pipeline(path: Path, objects: str, labels: str) -> Path:
    path.write_text(WORKER.format(objects=objects, labels=labels, fields=", ".join(FIELDS)))
    return path


def counted(job: Job) -> pl.DataFrame:
    job.run()
    found = counters(job.counts)["flows"].with_columns(pl.col("Number").cast(pl.Int64))
    return found.select("Number", *FIELDS, "SrcSubnetLabel", VALUE).sort("Number")


class Worker(NamedTuple):
    """A worker, its URL, and moments before and after a pod gave 10.9.7.1 to another one."""

    job: Job
    folder: Path
    url: str
    before: int
    after: int


@pytest.fixture(scope="module")
def worker(live: Live, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    """It follows the cluster, but no flow has come yet."""
    client, folder = Client(live.server), tmp_path_factory.mktemp("worker")
    client.create({**SPACE, "metadata": {"name": "moves"}})
    first, second = (pod(name, "10.9.7.1", "moves") for name in ("first", "second"))
    client.create(first)
    (folder / "flows.jsonl").touch()
    cluster = f"cluster: {{kubeconfig: {live.kubeconfig}}}"
    job = Job(config.load(pipeline(folder / "live.yaml", cluster, cluster)))
    with closing(job), job.server("127.0.0.1:0") as server:
        asked = ("who", "10.9.7.1", "--server", server.url)
        until(lambda: "Pod moves/first" in flowmatrix(*asked).stdout)
        before = round(time.time() * 1000)
        client.delete(first)
        time.sleep(0.3)
        client.create(second)
        until(lambda: "Pod moves/second" in flowmatrix(*asked).stdout)
        yield Worker(job, folder, server.url, before, round(time.time() * 1000))


@pytest.mark.usefixtures("kube_server")
def test_an_idle_worker_tells_who_had_an_address(worker: Worker) -> None:
    """A worker without flows still applies what its watch tells."""
    then = flowmatrix("who", "10.9.7.1:80", "--at", worker.before, "--server", worker.url)
    assert (then.exit_code, then.stderr) == (0, "")
    assert then.stdout.startswith("object       Pod moves/first\nbecause      a pod's own address")
    assert "\notherwise    Pod moves/second, from 20" in then.stdout
    assert "\nsubnet label none: no network of " in then.stdout
    assert "\nport         80 (http)\n" in then.stdout
    now = flowmatrix("who", "10.9.7.1", "--server", worker.url).stdout
    assert now.startswith("object       Pod moves/second\n")
    assert "\notherwise    Pod moves/first, before 20" in now
    node = flowmatrix("who", "10.0.40.11", "--server", worker.url).stdout
    assert "\nsubnet label Machines: 10.0.40.11/32" in node
    port = flowmatrix("who", "10.128.2.2", "--server", worker.url).stdout
    assert "\nbecause      OVN's mp0 port" in port
    assert flowmatrix("who", "9.9.9.9", "--server", worker.url).exit_code == 1


@pytest.mark.usefixtures("kube_server")
def test_a_recording_is_replayed_over_what_a_worker_knows(worker: Worker) -> None:
    """In every form, each flow has the object, owner and subnet label that it has in the worker."""
    ends = ["10.9.7.1", "10.128.4.4", "10.0.40.11", "10.128.2.2", "172.30.0.1", "9.9.9.9"]
    times = [worker.before, (worker.before + worker.after) // 2, worker.after]
    flows = [(ip, at) for ip in ends for at in times]
    fields = [{"Number": n, "SrcAddr": ip, "TimeFlowEndMs": at} for n, (ip, at) in enumerate(flows)]
    (worker.folder / "flows.jsonl").write_text("\n".join(map(json.dumps, fields)))
    seen = counted(worker.job)
    assert seen["SrcK8S_Name"].to_list()[:3:2] == ["first", "second"]
    assert seen["SrcK8S_OwnerName"][3] == "netobserv-plugin"
    assert seen["SrcSubnetLabel"].to_list()[6:15:4] == ["Machines", "", "Services"]
    for name in ("dump.yaml", "dump.jsonl.gz", "dump.json"):
        out = worker.folder / name
        done = flowmatrix("inventory", "--server", worker.url, "--out", out)
        assert (done.exit_code, done.stderr) == (0, "")
        kinds = {"6 ReplicaSet", "6 Service", "6 Node", "30 Pod", "1 past Pod", "1 FlowCollector"}
        kinds.add("1 EndpointSlice")
        assert set(done.stdout.strip().removeprefix(f"{out}: ").split(", ")) == kinds
        path = worker.folder / "replay.yaml"
        replay = Job(config.load(pipeline(path, f"inventory: {name}", f"autodetect: {name}")))
        assert counted(replay).equals(seen)
    for ip, at in flows:
        asked = ("who", ip, "--at", at)
        here = flowmatrix(*asked, "--config", worker.folder / "replay.yaml").stdout
        assert here == flowmatrix(*asked, "--server", worker.url).stdout


@pytest.mark.usefixtures("kube_server")
def test_an_idle_worker_writes_what_came_since(live: Live, worker: Worker) -> None:
    """Its inventory has objects that came after the last flow."""
    Client(live.server).create(pod("later", "10.9.7.2", "moves"))
    asked = ("inventory", "--server", worker.url, "--out", worker.folder / "later.jsonl")
    until(lambda: " 31 Pod" in flowmatrix(*asked).stdout)
