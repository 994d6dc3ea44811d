"""The manifests of deploy/: what they say, what a real API server says, what they allow."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline import config
from pipeline.app.job import Job
from pipeline.stage import VALUE
from tests.deploy.deployed import (
    HOME,
    OVERLAYS,
    ROOT,
    account,
    moved,
    overlay,
    prepare,
    rights,
    stages,
)
from tests.real.apiserver import ApiServer
from tests.real.cluster import (
    apply,
    define,
    eventually,
    kubeconfig,
    lenient,
    namespace,
    path,
    present,
    read,
    token,
)
from tests.real.kube import Kube
from tests.real.kustomize import render

ACCOUNT = "system:serviceaccount:netobserv:flowmatrix"
ASN_LABELS = (
    {"name": "asns", "type": "asn_label", "follows": "flows", "cluster": {}},
    {"name": "seen", "type": "write_stdout", "follows": "asns"},
)
ENVIRONMENT = {"KAFKA_BROKERS": "kafka:9092", "KAFKA_TOPIC": "flows"}


def one(kind: str, name: str) -> dict[str, Any]:
    (found,) = [each for each in overlay(name) if each["kind"] == kind]
    return found


@pytest.mark.real
@pytest.mark.parametrize("name", OVERLAYS)
def test_kustomize_gives_the_same(name: str) -> None:
    """What is in the repository is what kustomize renders."""
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("kubectl is not installed")
    command = [kubectl, "kustomize", str(ROOT / "deploy" / "overlays" / name)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)

    def order(each: Mapping[str, Any]) -> tuple[str, str]:
        return each["kind"], each["metadata"].get("namespace", "")

    theirs = sorted(yaml.safe_load_all(done.stdout), key=order)
    assert theirs == sorted(overlay(name), key=order)


@pytest.mark.parametrize("name", OVERLAYS)
def test_the_pipeline_is_valid(name: str) -> None:
    """The pipeline of every overlay passes `validate`."""
    text = one("ConfigMap", name)["data"]["config.yaml"]
    loaded = config.loads(text, name, environ=ENVIRONMENT)
    assert loaded.warnings == []
    assert loaded.settings.server.address == ("0.0.0.0", 9102)  # noqa: S104 - inside a pod


def test_pipelines_differ_by_where_flows_come_from_only() -> None:
    """The overlays share everything but the source."""
    (plain, *others), (mutual, *same) = stages("kafka-plain"), stages("kafka-mtls")
    assert others == same
    assert mutual == {**plain, "tls": mutual["tls"]}
    (source, *rest) = stages("agents")
    assert source["type"] == "ingest_grpc"
    assert rest == others


def test_agents_reach_the_worker_that_keeps_its_counts() -> None:
    """From the Service through the named port to where the stage listens; the state is kept."""
    (source, *_) = stages("agents")
    (_, port) = one("Service", "agents")["spec"]["ports"]
    template = one("Deployment", "agents")["spec"]["template"]["spec"]
    (container,) = template["containers"]
    ports = {each["name"]: each["containerPort"] for each in container["ports"]}
    assert source["listen"] == f"0.0.0.0:{ports[port['targetPort']]}"
    assert port["port"] == 2055
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    assert container["args"][-2:] == ["--state", f"{mounts['state']}/state"]


@pytest.mark.parametrize("name", OVERLAYS)
def test_pods_have_no_more_rights_than_they_need(name: str) -> None:
    """No root, no capabilities, a read-only file system."""
    template = one("Deployment", name)["spec"]["template"]["spec"]
    pod, (container,) = template["securityContext"], template["containers"]
    assert pod["runAsNonRoot"] is True
    assert pod["seccompProfile"] == {"type": "RuntimeDefault"}
    assert ("runAsUser" in pod) is (name != "openshift")
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    mounted = {mount["name"] for mount in container["volumeMounts"]}
    assert mounted == {volume["name"] for volume in template["volumes"]}
    assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
    assert container["livenessProbe"]["httpGet"]["path"] == "/healthz"


@pytest.mark.parametrize("name", ["agents", "kafka-mtls", "kafka-plain"])
def test_without_the_prometheus_operator_there_is_nothing_it_defines(name: str) -> None:
    """Otherwise `kubectl apply` fails where the operator is not installed."""
    groups = {each["apiVersion"].rpartition("/")[0] for each in overlay(name)}
    assert groups <= {"", "apps", "policy", "rbac.authorization.k8s.io"}


def test_monitoring_can_be_added_alone() -> None:
    (monitor,) = render(ROOT / "deploy" / "monitoring")
    assert monitor == one("ServiceMonitor", "openshift")


def test_labels_of_the_metrics_win() -> None:
    """The scrape keeps the labels of the metrics (honorLabels)."""
    (endpoint,) = one("ServiceMonitor", "openshift")["spec"]["endpoints"]
    assert endpoint["honorLabels"] is True
    assert one("PodDisruptionBudget", "kafka-plain")["spec"]["maxUnavailable"] == 1


@pytest.mark.parametrize("name", OVERLAYS)
def test_a_server_takes_them(name: str, kube_server: ApiServer, space: str) -> None:
    """A server-side dry run: it checks everything, and keeps nothing."""
    prepare(kube_server, name)
    objects = moved(name, space)
    for manifest in objects:
        taken = apply(kube_server, manifest, dry_run=True)
        assert taken["metadata"]["name"] == manifest["metadata"]["name"]
        assert not kube_server.has(path(manifest))


class Cluster:
    """A real API server with the manifests applied, and the service account's own token."""

    def __init__(self, server: Kube, name: str, folder: Path, *more: dict[str, Any]) -> None:
        self.server, self.folder = server, folder
        prepare(server, name)
        apply(server, namespace(HOME))
        for manifest in (*overlay(name), *more):
            apply(server, manifest)
        self.token = token(server, account(name))

    def job(self, name: str, *more: dict[str, Any]) -> Job:
        """The pipeline as deployed and these stages, as that account; flows come from a file."""
        kubeconfig(self.server, self.folder, self.token)
        (self.folder / "flows.json").write_text('{"Proto": 6}\n')
        source = {"name": "flows", "type": "ingest_file", "path": "flows.json", "decoder": "json"}
        others = [
            {**stage, "cluster": {"kubeconfig": "kubeconfig"}} if "cluster" in stage else stage
            for stage in (*stages(name)[1:], *more)
        ]
        text = yaml.safe_dump({"stages": [source, *others]})
        return Job(config.loads(text, name, self.folder))

    def granted(self) -> set[tuple[str, ...]]:
        """Namespace, verb, group, resource and name of all the account may do."""
        everyone = self._rules("nowhere")
        found = {("", *rule) for rule in everyone}
        for space in ("default", "kube-system", "netobserv"):
            found |= {(space, *rule) for rule in self._rules(space) - everyone}
        return {rule for rule in found if not rule[3].startswith("selfsubject")}

    def _rules(self, space: str) -> set[tuple[str, ...]]:
        review = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews"
        asked = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectRulesReview",
            "spec": {"namespace": space},
        }
        answer = self.server.request("POST", review, asked, token=self.token)
        return {
            (verb, group, resource, name)
            for rule in answer["status"]["resourceRules"]
            for verb in rule["verbs"]
            for group in rule["apiGroups"]
            for resource in rule["resources"]
            for name in rule.get("resourceNames") or [""]
        }

    def done(self) -> Iterator[tuple[int, tuple[str, ...]]]:
        """The answers the account got, and what they were about, as `granted` says it."""
        for line in self.server.audit.read_text().splitlines():
            event = json.loads(line)
            about = event.get("objectRef")
            if event["user"]["username"] == ACCOUNT and about and "resource" in about:
                resource = "/".join(filter(None, [about["resource"], about.get("subresource")]))
                name = about.get("name", "") if event["verb"] == "get" else ""
                space = about.get("namespace", "")
                what = (space, event["verb"], about.get("apiGroup", ""), resource, name)
                yield event["responseStatus"]["code"], what


@pytest.mark.parametrize("name", ["kafka-plain", "openshift"])
def test_what_is_granted_is_what_is_used(name: str, new_kube: Kube, tmp_path: Path) -> None:
    """The roles name the resources that the engine asks for, and no others.

    With those of deploy/asn-labels for a pipeline that has the stage.
    """
    more = render(ROOT / "deploy" / "asn-labels") if name == "kafka-plain" else []
    cluster = Cluster(new_kube, name, tmp_path, *more)
    if more:
        define(
            new_kube, lenient("frrk8s.metallb.io", "v1beta1", "FRRConfiguration", namespaced=True)
        )
    metric = {
        "apiVersion": "flows.netobserv.io/v1alpha1",
        "kind": "FlowMetric",
        "metadata": {"name": "flows", "namespace": "netobserv"},
        "spec": {"type": "Counter", "labels": ["Proto"]},
    }
    apply(new_kube, metric)
    job = cluster.job(name, *ASN_LABELS if more else ())
    job.run()
    (table,) = (table for table in job.counts.tables() if table.family.exposed)
    assert table.series().select("Proto", VALUE).rows() == [("6", 1.0)]
    eventually(lambda: "status" in read(new_kube, metric))
    assert job.notes() == {}
    granted = cluster.granted()
    eventually(lambda: {what for _, what in cluster.done()} >= granted)
    job.close()
    answers = list(cluster.done())
    assert [what for code, what in answers if code in {401, 403}] == []
    used = {what for _, what in answers if not what[3].startswith("selfsubject")}
    assert used == granted


def test_the_account_may_do_nothing_else(kube_server: ApiServer, space: str) -> None:
    """A real API server refuses the account whatever the manifests do not grant."""
    own = account("kafka-plain", space)
    apply(kube_server, own)
    secret = token(kube_server, own)

    def answered(what: str) -> str:
        try:
            kube_server.request("GET", f"{what}?limit=1", token=secret)
        except RuntimeError as error:
            return str(error)
        return ""

    with present(kube_server, *rights("kafka-plain", space)):
        eventually(lambda: not answered("/api/v1/pods"))
        for what in (
            "/api/v1/secrets",
            f"/api/v1/namespaces/{space}/configmaps",
            "/api/v1/namespaces/kube-system/configmaps",
            "/apis/flows.netobserv.io/v1alpha1/flowmetrics",
            "/apis/flows.netobserv.io/v1beta2/flowcollectors",
        ):
            assert ": 403 " in answered(what), what
