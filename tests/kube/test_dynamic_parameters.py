"""Parameters of flowlogs-pipeline in a ConfigMap of a real API server: read, followed, missing."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import pytest
import yaml

from tests.real.apiserver import ApiServer
from tests.real.cluster import apply, eventually, kubeconfig
from tests.real.parts import LOCALHOST, call, free_port

pytestmark = pytest.mark.slow

GOLDEN = Path(__file__).parents[1] / "golden" / "dynamic-reload"
COMMAND = Path(sys.executable).with_name("flowmatrix")


def config_map(space: str, data: dict[str, str]) -> dict[str, Any]:
    """The ConfigMap of the case, in a namespace of the test."""
    metadata = {"name": "flp-dyn", "namespace": space}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


class Run:
    """The case as a process that serves its metrics, fed line by line."""

    def __init__(self, folder: Path) -> None:
        self._port = free_port()
        with (folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [COMMAND, "run", "config.yaml", "--listen", f"{LOCALHOST}:{self._port}"],
                cwd=folder,
                stdin=subprocess.PIPE,
                stderr=log,
            )
        assert self._process.stdin
        self._stdin: IO[bytes] = self._process.stdin

    def send(self, lines: list[str]) -> None:
        self._stdin.write("".join(f"{line}\n" for line in lines).encode())
        self._stdin.flush()

    def metrics(self) -> dict[str, float]:
        """The samples by name and labels; none while nothing listens."""
        try:
            text = call(self._port, "/metrics").body.decode()
        except ConnectionError:
            return {}
        lines = [line for line in text.splitlines() if not line.startswith("#")]
        return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}

    def readyz(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(call(self._port, "/readyz").body)
        return found

    def end(self) -> None:
        self._stdin.close()
        self._process.terminate()
        assert self._process.wait(60) == 0


@pytest.fixture
def folder(kube_server: ApiServer, space: str, tmp_path: Path) -> Path:
    """The configuration of the case, its ConfigMap on the server."""
    text = (GOLDEN / "config.yaml").read_text()
    (tmp_path / "config.yaml").write_text(
        text.replace("namespace: netobserv", f"namespace: {space}")
    )
    kubeconfig(kube_server, tmp_path / "kubeconfig")
    (first,) = yaml.safe_load_all((GOLDEN / "kube.yaml").read_text())
    apply(kube_server, config_map(space, first["data"]))
    return tmp_path


@pytest.fixture
def run(folder: Path) -> Iterator[Run]:
    started = Run(folder)
    yield started
    started.end()


def counted(run: Run) -> dict[str, float]:
    return {name: value for name, value in run.metrics().items() if name.startswith("netobserv_")}


def wanted(name: str) -> dict[str, float]:
    lines = [line for line in (GOLDEN / name).read_text().splitlines() if line[0] != "#"]
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}


def test_a_change_takes_over_while_flows_come(kube_server: ApiServer, space: str, run: Run) -> None:
    """As the original's case, but every metric that did not change goes on counting."""
    lines = (GOLDEN / "flows.jsonl").read_text().splitlines()
    run.send(lines[:3])
    eventually(lambda: counted(run).get("netobserv_going_total") == 2)
    second = yaml.safe_load((GOLDEN / "reload.yaml").read_text())
    apply(kube_server, config_map(space, second))
    eventually(lambda: run.metrics().get("config_reload_success") == 1)
    run.send(lines[3:])
    eventually(lambda: counted(run) == wanted("ours.prom"))


def test_one_that_is_not_valid_is_refused_with_its_place(
    kube_server: ApiServer, space: str, run: Run
) -> None:
    """The old parameters run on."""
    eventually(lambda: bool(run.metrics()))
    apply(kube_server, config_map(space, {"config.json": '{"parameters": [{"nme": "x"}]}'}))
    eventually(lambda: "reload" in run.readyz())
    where = f"ConfigMap {space}/flp-dyn, config.json:1:18: error: "
    assert where in run.readyz()["reload"]
    run.send((GOLDEN / "flows.jsonl").read_text().splitlines()[:3])
    eventually(lambda: counted(run).get("netobserv_going_total") == 2)


def test_one_that_is_missing_is_told(folder: Path) -> None:
    """The server's own words, at the place that names it."""
    path = folder / "config.yaml"
    path.write_text(path.read_text().replace("name: flp-dyn", "name: flp-dan"))
    done = subprocess.run(
        [COMMAND, "validate", "config.yaml"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 78
    assert "config.yaml:10:3: error: the dynamic parameters cannot be read: " in done.stderr
    assert 'configmaps "flp-dan" not found' in done.stderr
