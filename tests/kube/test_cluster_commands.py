"""`inventory` and `who` on the real API server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml
from typer.testing import CliRunner, Result

from pipeline.cli import app
from pipeline.simulate import Simulation, simulate
from tests.kube.live import populate
from tests.real.cluster import apply, kubeconfig, service_account, token
from tests.real.kube import Kube


class Live(NamedTuple):
    made: Simulation
    kubeconfig: Path


pytestmark = pytest.mark.usefixtures("kube_is_ours")


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """The reference scenario with its objects on an API server."""
    made = simulate("reference", tmp_path_factory.mktemp("reference") / "reference.pb")
    with Kube(tmp_path_factory.mktemp("kube")) as server:
        populate(server, yaml.safe_load_all(made.inventory.read_text()))
        account = service_account("default", "nobody")
        apply(server, account)
        path = made.config.with_name("kubeconfig")
        yield Live(made, kubeconfig(server, path, user=token(server, account)))


def flowmatrix(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def tables(path: Path) -> list[str]:
    """The matrix of a pipeline, times left out."""
    done = flowmatrix("matrix", path, "--namespace", "netobserv", "--format", "csv")
    assert done.exit_code == 0
    return [",".join(line.split(",")[:8]) for line in done.stdout.splitlines()]


def test_a_dump_replays_the_reference(live: Live, tmp_path: Path) -> None:
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


def test_who_is_a_pod_a_node_a_service(live: Live) -> None:
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
    options = ("--inventory", live.made.inventory)
    assert "Pod netobserv/netobserv-plugin-" in flowmatrix("who", "10.128.4.4", *options).stdout
    nobody = flowmatrix("who", "9.9.9.9", *options)
    assert nobody.exit_code == 1
    assert nobody.stdout.startswith("object       none: ")


def test_what_cannot_be_asked(live: Live, tmp_path: Path) -> None:
    out = ("--out", tmp_path / "dump.yaml")
    forbidden = flowmatrix("inventory", "--kubeconfig", live.kubeconfig, "--context", "user", *out)
    assert forbidden.exit_code == 1
    assert "warning: pods: pods is forbidden" in forbidden.stderr
    assert "error: nothing could be read" in forbidden.stderr
    near = flowmatrix("inventory", "--kubeconfig", live.kubeconfig, "--context", "usr", *out)
    assert 'has no context "usr"; did you mean "user"?' in near.stderr
    absent = flowmatrix("who", "10.0.0.1", "--kubeconfig", tmp_path / "absent")
    assert "cannot be read: No such file" in absent.stderr
    assert '"10.0.0" is no address' in flowmatrix("who", "10.0.0").stderr
    assert '"x" is no port' in flowmatrix("who", "10.0.0.1:x").stderr
    assert '"noon" is no time' in flowmatrix("who", "10.0.0.1", "--at", "noon").stderr
