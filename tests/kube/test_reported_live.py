"""Reports about a live API server: configurations as they are, and what a run says over HTTP."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.files import write
from tests.kube.live import Client, Proxy, pod, until
from tests.real.apiserver import ApiServer
from tests.real.cluster import (
    apply,
    define,
    delete,
    flowmetrics,
    kubeconfig,
    namespace,
    present,
    service_account,
    token,
)
from tests.real.kube import Kube
from tests.real.parts import LOCALHOST, call, free_port

COMMAND = Path(sys.executable).with_name("flowmatrix")
REPORTED = Path(__file__).parent / "reported"
SAID = "no credentials: "
RBAC = "rbac.authorization.k8s.io"


class Run:
    """A run of a configuration, whose flows come from a pipe."""

    def __init__(self, config: Path, log: Path) -> None:
        self._port = free_port()
        with log.open("wb") as said:
            self._process = subprocess.Popen(
                [COMMAND, "run", config.name, "--listen", f"{LOCALHOST}:{self._port}"],
                cwd=config.parent,
                stdin=subprocess.PIPE,
                stdout=said,
                stderr=said,
            )

    def readyz(self) -> tuple[int, dict[str, Any]]:
        """Status and content of /readyz; nothing while it does not listen yet."""
        try:
            answer = call(self._port, "/readyz")
        except ConnectionError:
            return 0, {}
        return answer.status, json.loads(answer.body)

    def counts(self, flow: dict[str, Any], sample: str) -> bool:
        """Send a flow; whether a sample is exposed by now, which takes the next look or two."""
        assert self._process.stdin
        self._process.stdin.write(json.dumps(flow).encode() + b"\n")
        self._process.stdin.flush()
        return f"\n{sample} ".encode() in call(self._port, "/metrics").body

    def end(self) -> None:
        """End it in order."""
        self._process.terminate()
        assert self._process.stdin
        self._process.stdin.close()
        assert self._process.wait(60) == 0


@contextmanager
def running(config: Path) -> Iterator[Run]:
    """A run, which ends with the block."""
    run = Run(config, config.with_suffix(".log"))
    try:
        yield run
    finally:
        run.end()


def viewer(space: str) -> list[dict[str, Any]]:
    """The right to read everything, bound to service account `fm`."""
    head = {"apiVersion": f"{RBAC}/v1", "metadata": {"name": f"{space}-fm-view"}}
    rule = {"apiGroups": ["*"], "resources": ["*"], "verbs": ["get", "list", "watch"]}
    subject = {"kind": "ServiceAccount", "name": "fm", "namespace": space}
    reference = {"apiGroup": RBAC, "kind": "ClusterRole", "name": f"{space}-fm-view"}
    return [
        {**head, "kind": "ClusterRole", "rules": [rule]},
        {**head, "kind": "ClusterRoleBinding", "roleRef": reference, "subjects": [subject]},
    ]


class Login:
    """The service account of the report: tokens that are bound to Secrets, and the plugin."""

    def __init__(self, server: ApiServer, space: str, folder: Path) -> None:
        self._server, self._space = server, space
        self._account = service_account(space, "fm")
        self._token = folder / "token"
        apply(server, self._account)
        script = (REPORTED / "exec-plugin-anonymous" / "plugin.sh").read_text()
        plugin = folder / "plugin.sh"
        plugin.write_text(script.replace("D=./work/exec", f"D={folder}"))
        plugin.chmod(0o755)
        api = "client.authentication.k8s.io/v1"
        self.user = {"exec": {"apiVersion": api, "command": str(plugin)}}

    def _secret(self, name: str) -> dict[str, Any]:
        metadata = {"name": name, "namespace": self._space}
        return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata}

    def give(self, name: str) -> None:
        """Let the plugin give a token that is bound to a new Secret."""
        uid = apply(self._server, self._secret(name))["metadata"]["uid"]
        to = {"apiVersion": "v1", "kind": "Secret", "name": name, "uid": uid}
        write(self._token, token(self._server, self._account, boundObjectRef=to))

    def revoke(self, name: str) -> None:
        """Let the plugin fail, and the server refuse what it gave."""
        self._token.unlink()
        delete(self._server, self._secret(name))


@pytest.fixture
def login(kube_server: ApiServer, space: str, tmp_path: Path) -> Iterator[Login]:
    with present(kube_server, *viewer(space)):
        yield Login(kube_server, space, tmp_path)


def configured(server: ApiServer, folder: Path, login: Login, port: int) -> Path:
    """The report's configuration and its kubeconfig, by way of a port of this machine."""
    shutil.copy(REPORTED / "exec-plugin-anonymous" / "c.yaml", folder)
    path = kubeconfig(server, folder / "exec.yaml", port=port)
    document = yaml.safe_load(path.read_text())
    document["users"] = [{"name": "admin", "user": login.user}]
    path.write_text(yaml.safe_dump(document))
    return folder / "c.yaml"


def said(run: Run) -> list[str]:
    """What /readyz has of the plugin, of a run that is ready all the same."""
    status, page = run.readyz()
    assert status in {0, HTTPStatus.OK}
    return [text for text in page.get("cluster", []) if SAID in text]


def test_a_plugin_that_fails_while_it_runs(
    kube_server: ApiServer, space: str, tmp_path: Path, login: Login
) -> None:
    """kubernetes-client/python#1409: /readyz says what the plugin said; later pods are known."""
    client = Client(kube_server)
    login.give("s1")
    with Proxy(kube_server) as proxy:
        config = configured(kube_server, tmp_path, login, proxy.port)
        client.create(pod("p1", "198.18.7.1", space))
        with running(config) as run:
            until(lambda: run.readyz() == (HTTPStatus.OK, {"status": "ready"}))
            first = 'flows_total{SrcK8S_Name="p1"}'
            until(lambda: run.counts({"SrcAddr": "198.18.7.1"}, first))
            login.revoke("s1")

            def known() -> bool:
                proxy.cut()
                return len(said(run)) == 5

            until(known)
            assert all("sso: dial tcp: i/o timeout" in text for text in said(run))
            client.create(pod("p2", "198.18.7.2", space))
            login.give("s2")
            until(lambda: run.readyz() == (HTTPStatus.OK, {"status": "ready"}))
            second = 'flows_total{SrcK8S_Name="p2"}'
            until(lambda: run.counts({"SrcAddr": "198.18.7.2"}, second))


def test_a_plugin_that_fails_from_the_start(
    kube_server: ApiServer, tmp_path: Path, login: Login
) -> None:
    """It is not ready, and says why; then it is, without a restart."""
    with Proxy(kube_server) as proxy:
        config = configured(kube_server, tmp_path, login, proxy.port)
        with running(config) as run:
            until(lambda: str(run.readyz()[1].get("reason")).count(SAID) == 5)
            status, page = run.readyz()
            assert status == HTTPStatus.SERVICE_UNAVAILABLE
            assert "sso: dial tcp" in page["reason"]
            login.give("s1")
            until(lambda: run.readyz() == (HTTPStatus.OK, {"status": "ready"}))


def newer_definition() -> dict[str, Any]:
    """The definition of the report's newer operator: one more field, one more unit of a chart."""
    definition = flowmetrics()
    (version,) = definition["spec"]["versions"]
    fields = version["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
    fields["sampledOnly"] = {"type": "boolean", "description": "a field of a newer operator"}
    unit = fields["charts"]["items"]["properties"]["unit"]
    unit["enum"] = [*unit["enum"], "flows/s"]
    definition["metadata"].pop("annotations", None)
    return definition


def metric(name: str, **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "flows.netobserv.io/v1alpha1",
        "kind": "FlowMetric",
        "metadata": {"name": name, "namespace": "netobserv"},
        "spec": {"type": "Counter", "labels": ["Proto"], **spec},
    }


def test_the_metrics_of_a_newer_operator_are_counted(new_kube: Kube, tmp_path: Path) -> None:
    """netobserv/netobserv-operator#508, openshift/openshift-docs#87823: all four of the report."""
    define(new_kube, newer_definition())
    apply(new_kube, namespace("netobserv"))
    queries = [{"promQL": "rate($METRIC[1m])", "legend": "x"}]
    chart = {"title": "t", "unit": "flows/s", "type": "Line", "queries": queries}
    rtt = {"type": "Histogram", "valueField": "TimeFlowRttNs", "divider": "1e9"}
    metrics = [
        metric("plain"),
        metric("newer", sampledOnly=True),
        metric("chart", charts=[chart]),
        metric("inf", **rtt, buckets=["0.1", "+Inf"]),
    ]
    for one in metrics:
        apply(new_kube, one)
    shutil.copy(REPORTED / "flowmetric-newer-crd" / "config.yaml", tmp_path)
    (tmp_path / "build" / "kube").mkdir(parents=True)
    kubeconfig(new_kube, tmp_path / "build" / "kube" / "kubeconfig")
    flow = {"Proto": 6, "TimeFlowRttNs": 1}
    with running(tmp_path / "config.yaml") as run:
        until(lambda: run.readyz()[0] == HTTPStatus.OK)
        for name in ("plain", "newer", "chart", "inf_count"):
            until(lambda name=name: run.counts(flow, f'netobserv_{name}{{Proto="6"}}'))  # type: ignore[misc] # bound at once
        assert run.counts(flow, 'netobserv_inf_bucket{Proto="6",le="+Inf"}')
