"""Kubernetes as kubectl does it: which cluster, how long, and what a missing right says."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from pipeline import config
from pipeline.app.job import Job
from pipeline.cli.app import app
from tests.kube.live import Client, pod, until
from tests.real.apiserver import ApiServer
from tests.real.cluster import apply, kubeconfig, service_account, token
from tests.real.parts import LOCALHOST

pytestmark = pytest.mark.slow

PIPELINE = """\
stages:
- {{name: in, type: ingest_stdin}}
- {{name: k8s, type: kubernetes, follows: in, cluster: {{kubeconfig: {path}, context: user}},
   namespaces: [{space}]}}
- {{name: out, type: write_stdout, follows: k8s}}
"""


def flowmatrix(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def reader(server: ApiServer, folder: Path, space: str) -> Path:
    """A kubeconfig whose context `user` has no rights."""
    account = service_account(space, "reader")
    apply(server, account)
    return kubeconfig(server, folder / "kubeconfig", user=token(server, account))


def kubectl(path: Path, commands: str) -> None:
    """Run commands of kubectl as the administrator, as a shell does."""
    if not shutil.which("kubectl"):
        pytest.skip("needs kubectl")
    env = {**os.environ, "KUBECONFIG": str(path)}
    for command in commands.split(" && "):
        subprocess.run(shlex.split(command), env=env, check=True, capture_output=True, timeout=60)


@contextmanager
def cleaned(path: Path) -> Iterator[None]:
    """Takes away the cluster role that a test's commands have made."""
    try:
        yield
    finally:
        kubectl(
            path,
            "kubectl delete clusterrolebinding,clusterrole flowmatrix-reader --ignore-not-found",
        )


def test_a_worker_without_the_right_to_read_pods(
    kube_server: ApiServer, space: str, tmp_path: Path
) -> None:
    """It is not ready, and is once the commands have run that it says."""
    path = reader(kube_server, tmp_path, space)
    file = tmp_path / "p.yaml"
    file.write_text(PIPELINE.format(path=path, space=space))
    job = Job(config.load(file))
    job.started = True
    with closing(job), cleaned(path):
        until(lambda: "to allow it: kubectl" in job.not_ready())
        until(lambda: job.not_ready().count("not listed") == 0)
        told = job.not_ready()
        assert f"not allowed to read nodes, services of {space}" in told
        assert f'User "system:serviceaccount:{space}:reader" cannot list resource' in told
        kubectl(path, told.partition("to allow it: ")[2])
        until(lambda: "to allow it" not in job.not_ready())
        until(lambda: "not listed" not in job.not_ready())


def test_an_inventory_without_the_right_to_read_pods(
    kube_server: ApiServer, space: str, tmp_path: Path
) -> None:
    """It fails, and says the commands after which it does not."""
    path = reader(kube_server, tmp_path, space)
    asked = ("inventory", "--kubeconfig", path, "--context", "user", "--out", tmp_path / "o.yaml")
    done = flowmatrix(*asked, "-n", space)
    assert done.exit_code == 1
    assert not (tmp_path / "o.yaml").exists()
    with cleaned(path):
        [said] = re.findall("warning: to allow it: (.*)", done.stderr)
        kubectl(path, said)
        Client(kube_server).create(pod("seen", "198.18.7.1", space))
        until(lambda: flowmatrix(*asked, "-n", space).exit_code == 0)
        assert "198.18.7.1" in (tmp_path / "o.yaml").read_text()


def test_a_namespace_that_is_not_there(kube_server: ApiServer, space: str, tmp_path: Path) -> None:
    path = kubeconfig(kube_server, tmp_path)
    asked = (
        "inventory",
        "--kubeconfig",
        path,
        "--out",
        tmp_path / "o.yaml",
        "-n",
        f"{space[:-1]}_",
    )
    done = flowmatrix(*asked)
    assert done.exit_code == 1
    assert done.stderr.startswith(f'error: there is no namespace "{space[:-1]}_"; did you mean "')
    assert not (tmp_path / "o.yaml").exists()


def test_the_cluster_that_kubectl_takes(
    kube_server: ApiServer, space: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Several files in $KUBECONFIG, one of them missing; or ~/.kube/config."""
    Client(kube_server).create(pod("here", "198.18.7.2", space))
    whole = kubeconfig(kube_server, tmp_path / "whole").read_text()
    lines = "kind: Config\napiVersion: v1\ncurrent-context: "
    current = re.findall("current-context: (.*)", whole)[0]
    (tmp_path / "first").write_text(f"{lines}{current}\n")
    (tmp_path / "second").write_text(re.sub("current-context: .*", "current-context: none", whole))
    files = [tmp_path / name for name in ("first", "absent", "second")]
    monkeypatch.setenv("KUBECONFIG", ":".join(map(str, files)))
    assert f"Pod {space}/here" in flowmatrix("who", "198.18.7.2").stdout
    monkeypatch.delenv("KUBECONFIG")
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".kube").mkdir()
    (tmp_path / ".kube" / "config").write_text(whole)
    done = flowmatrix("inventory", "--out", tmp_path / "o.yaml", "-n", space)
    assert done.exit_code == 0, done.stderr
    assert "198.18.7.2" in (tmp_path / "o.yaml").read_text()


@pytest.mark.parametrize("silent", [False, True])
def test_an_api_server_that_does_not_answer(tmp_path: Path, *, silent: bool) -> None:
    """Nobody listens, or who does says nothing: the commands end within seconds and name it."""
    with socket.create_server((LOCALHOST, 0)) as listener:
        port = listener.getsockname()[1]
        if not silent:
            listener.close()
        path = tmp_path / "kubeconfig"
        path.write_text(
            "kind: Config\ncurrent-context: c\ncontexts: [{name: c, context: {cluster: c}}]\n"
            f'clusters: [{{name: c, cluster: {{server: "http://{LOCALHOST}:{port}"}}}}]\n'
        )
        for arguments in (("inventory", "--out", tmp_path / "o.yaml"), ("who", "10.0.0.1")):
            begun = time.monotonic()
            done = flowmatrix(*arguments, "--kubeconfig", path)
            assert time.monotonic() - begun < 60
            assert done.exit_code == 1
            said = f"error: the API server http://{LOCALHOST}:{port} does not answer: "
            assert done.stderr.startswith(said)
