"""The life of FlowMetrics on a real API server: applied, changed, invalid, deleted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
import yaml

from pipeline import config
from pipeline.app.job import Job
from pipeline.stage import VALUE
from pipeline.stage.fingerprint import fingerprints
from tests.real.apiserver import ApiServer
from tests.real.cluster import (
    apply,
    define,
    delete,
    eventually,
    flowmetrics,
    kubeconfig,
    namespace,
    read,
    service_account,
    set_status,
    token,
)
from tests.real.kube import Kube
from tests.real.parts import free_port

METRICS = Path(__file__).parents[3] / "configs" / "flowmetrics"
CONFIG = """\
stages:
  - {{name: flows, type: ingest_file, path: flows.json, decoder: json}}
  - {{name: flags, type: tcp_flags, follows: flows}}
  - name: metrics
    type: flow_metrics
    follows: flags
    files: [{files}]
    cluster: {{kubeconfig: kubeconfig}}
    namespaces: [{namespace}]
  - {{name: expose, type: encode_prometheus, follows: metrics, prefix: netobserv_}}
  - name: own
    type: encode_prometheus
    follows: flows
    prefix: netobserv_
    metrics: [{{name: taken}}]
"""
FLOW: dict[str, object] = {"Proto": 6, "Flags": 2, "DstPort": 443, "DstK8S_Namespace": "b"}


class Watched:
    """A job that follows the FlowMetrics of a namespace of its own."""

    def __init__(self, server: ApiServer, space: str, folder: Path, token: str = "") -> None:
        self.server, self.namespace, self.folder = server, space, folder
        self._token = token
        define(server, flowmetrics())

    def start(self, files: str = "") -> Job:
        kubeconfig(self.server, self.folder, self._token)
        (self.folder / "flows.json").write_text(json.dumps(FLOW) + "\n")
        file = self.folder / "config.yaml"
        file.write_text(CONFIG.format(namespace=self.namespace, files=files))
        self.job = Job(config.load(file))
        self.reloader = self.job.watch(lambda: config.load(file), lambda: fingerprints([file]))
        return self.job

    def metric(self, name: str, **spec: object) -> dict[str, Any]:
        return {
            "apiVersion": "flows.netobserv.io/v1alpha1",
            "kind": "FlowMetric",
            "metadata": {"name": name, "namespace": self.namespace},
            "spec": {"type": "Counter", **spec},
        }

    def reference(self, name: str) -> dict[str, Any]:
        """A reference metric unchanged, but for where it is put."""
        one: dict[str, Any] = yaml.safe_load((METRICS / f"{name}.yaml").read_text())
        one["metadata"]["namespace"] = self.namespace
        return one

    def counted(self) -> dict[str, float]:
        """The totals of every metric."""
        tables = self.job.counts.tables()
        series = {table.family.name: table.series()[VALUE].to_list() for table in tables}
        del series[TAKEN]
        return {name: sum(values) for name, values in series.items() if values}

    def families(self) -> set[str]:
        return set(self.job.plan.families) - {TAKEN}

    def condition(self, one: dict[str, Any], kind: str = "Ready") -> dict[str, str]:
        """A condition of an object's status, once there is one."""

        def found() -> list[dict[str, str]]:
            status = read(self.server, one).get("status", {})
            return [each for each in status.get("conditions", []) if each["type"] == kind]

        eventually(lambda: bool(found()))
        return found()[0]


@pytest.fixture
def watched(kube_server: ApiServer, space: str, tmp_path: Path) -> Iterator[Watched]:
    made = Watched(kube_server, space, tmp_path)
    yield made
    made.job.close()


TAKEN = "netobserv_taken"
SYN_IN, SYN_OUT = "netobserv_workload_syn_in", "netobserv_workload_syn_out"


def test_the_life_of_a_metric(watched: Watched) -> None:
    """Created, counted, changed, deleted: a metric follows its resource, others go on."""
    job = watched.start()
    with watched.reloader:
        metrics = [watched.reference(f"workload-syn-{side}") for side in ("in", "out")]
        for one in metrics:
            apply(watched.server, one)
        eventually(lambda: watched.families() == {SYN_IN, SYN_OUT})
        job.run()
        assert watched.counted() == {SYN_IN: 1, SYN_OUT: 1}

        for one, name in zip(metrics, (SYN_IN, SYN_OUT), strict=True):
            assert watched.condition(one)["status"] == "True"
            careful = watched.condition(one, "CardinalityWarning")
            assert (careful["status"], careful["reason"]) == ("False", "careful")
            assert "DstPort, Flags" in careful["message"]
            assert read(watched.server, one)["status"]["prometheusName"] == name

        metrics[0]["spec"]["labels"].remove("SrcSubnetLabel")
        del metrics[0]["spec"]["remap"]["SrcSubnetLabel"]
        apply(watched.server, metrics[0])
        eventually(lambda: "from_subnet_label" not in job.plan.families[SYN_IN][0].labels)
        job.run()
        assert watched.counted() == {SYN_IN: 1, SYN_OUT: 2}, "only the changed one restarts"

        assert 'flowmatrix_kube_objects{kind="FlowMetric"} 2\n' in job.exposer.page()
        delete(watched.server, metrics[1])
        eventually(lambda: watched.families() == {SYN_IN})
        assert SYN_OUT not in job.exposer.page()
        job.run()
        assert watched.counted() == {SYN_IN: 2}


def test_an_invalid_one_harms_no_other(watched: Watched) -> None:
    """The invalid one says why in its status, and counts once it is mended."""
    good = watched.metric("good", labels=["Proto"])
    regex = [{"field": "DstK8S_Namespace", "matchType": "MatchRegex", "value": "("}]
    bad = watched.metric("bad", labels=["Proto"], filters=regex)
    apply(watched.server, good)
    apply(watched.server, bad)
    job = watched.start()
    with watched.reloader:
        job.run()
        assert watched.counted() == {"netobserv_good": 1}
        failed = watched.condition(bad)
        assert (failed["status"], failed["reason"]) == ("False", "Failure")
        assert failed["message"].startswith('spec.filters[0].value: "(" is not a valid regular')
        assert watched.condition(good)["status"] == "True"

        bad["spec"]["filters"][0]["value"] = "^b$"
        apply(watched.server, bad)
        eventually(lambda: "netobserv_bad" in watched.families())
        job.run()
        assert watched.counted() == {"netobserv_good": 2, "netobserv_bad": 1}
        eventually(lambda: watched.condition(bad)["status"] == "True")
        assert job.notes() == {}


def test_a_name_the_pipeline_has_already_is_refused(watched: Watched) -> None:
    """Two metrics of one name cannot be exposed."""
    taken = watched.metric("taken", labels=["Proto"])
    apply(watched.server, taken)
    apply(watched.server, watched.metric("free"))
    watched.start()
    assert watched.families() == {"netobserv_free"}
    failed = watched.condition(taken)
    assert (failed["status"], failed["reason"]) == ("False", "Failure")
    assert "netobserv_taken is exposed by it and by metric" in failed["message"]


def test_a_histogram_and_a_counter_of_its_samples(watched: Watched) -> None:
    """The second one is refused: a histogram exposes its count too."""
    apply(watched.server, watched.metric("a", type="Histogram", metricName="rtt"))
    second = watched.metric("b", metricName="rtt_count")
    apply(watched.server, second)
    watched.start()
    assert watched.families() == {"netobserv_rtt"}
    failed = watched.condition(second)
    assert (failed["status"], failed["reason"]) == ("False", "Failure")
    assert 'both expose the metric "rtt_count"' in failed["message"]


def newer_definition() -> dict[str, Any]:
    """The definition of a newer operator: one more field, one more match type, one more unit."""
    definition = flowmetrics()
    (version,) = definition["spec"]["versions"]
    fields = version["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
    fields["sampledOnly"] = {"type": "boolean"}
    fields["charts"] = {"type": "array", "items": LENIENT}
    fields["filters"]["items"]["properties"]["matchType"]["enum"].append("InRange")
    return definition


LENIENT = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}


def test_metrics_of_a_newer_definition_are_counted(
    new_kube: Kube, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """What is not known is a warning, in the status too; a match type that is not known refuses."""
    define(new_kube, newer_definition())
    apply(new_kube, namespace("netobserv"))
    watched = Watched(new_kube, "netobserv", tmp_path)
    chart = {"title": "t", "unit": "flows/s", "type": "Line", "queries": []}
    field = watched.metric("field", labels=["Proto"], sampledOnly=True)
    charts = watched.metric("chart", labels=["Proto"], charts=[chart])
    ranged = [{"field": "DstPort", "matchType": "InRange", "value": "1-1024"}]
    match = watched.metric("match", labels=["Proto"], filters=ranged)
    for one in (field, charts, match):
        apply(new_kube, one)
    job = watched.start()
    with closing(job), watched.reloader:
        job.run()
        assert watched.counted() == {"netobserv_field": 1, "netobserv_chart": 1}
        for one, ignored in ((field, "spec.sampledOnly"), (charts, "spec.charts[0].unit")):
            ready = watched.condition(one)
            assert ready["status"] == "True"
            assert ready["message"].startswith(f"{ignored}: ")
            assert f"/{one['metadata']['name']}: {ignored}: " in caplog.text
        refused = watched.condition(match)
        assert refused["status"] == "False"
        assert refused["message"].startswith('spec.filters[0].matchType: unknown value "InRange"')


def test_times_change_with_the_condition_only(watched: Watched) -> None:
    """A transition time stays until the status of its condition changes."""
    one = watched.metric("one", labels=["Proto"])
    apply(watched.server, one)
    long_ago = "2001-01-01T00:00:00Z"
    old = {"type": "Ready", "status": "True", "reason": "Ready", "message": ""}
    set_status(watched.server, one, {"conditions": [{**old, "lastTransitionTime": long_ago}]})
    watched.start()
    fine = watched.condition(one, "CardinalityWarning")
    assert fine["reason"] == "fine"
    assert fine["lastTransitionTime"] > long_ago
    assert watched.condition(one)["lastTransitionTime"] == long_ago


def test_a_status_is_written_once(watched: Watched) -> None:
    """A status that says the same is not written again."""
    one = watched.metric("one", labels=["Proto"])
    apply(watched.server, one)
    watched.start()
    watched.condition(one, "CardinalityWarning")
    version = read(watched.server, one)["metadata"]["resourceVersion"]
    with watched.reloader:
        apply(watched.server, watched.metric("two"))
        eventually(lambda: "netobserv_two" in watched.families())
    assert watched.condition(watched.metric("two"))["status"] == "True"
    assert read(watched.server, one)["metadata"]["resourceVersion"] == version


def test_files_come_first(watched: Watched) -> None:
    """Of two resources with one metric name the one in a file keeps it."""
    (watched.folder / "own.yaml").write_text(yaml.safe_dump(watched.metric("own", metricName="x")))
    theirs = watched.metric("theirs", metricName="x", labels=["Proto"])
    apply(watched.server, theirs)
    job = watched.start("own.yaml")
    assert job.plan.families["netobserv_x"][0].labels == ()
    assert watched.condition(theirs)["reason"] == "Failure"
    assert [status["name"] for status in job.plan.statuses] == ["own", "theirs"]


def test_without_the_right_to_write_the_status_is_only_shown(
    kube_server: ApiServer, space: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The metric counts, and the missing right is told once."""
    watched = Watched(kube_server, space, tmp_path, reader(kube_server, space))
    names = [f"m{number}" for number in range(3)]
    for name in names:
        apply(kube_server, watched.metric(name))
    for one in read_only(space):
        apply(kube_server, one)
    job = watched.start()
    eventually(lambda: "cluster" in job.notes())
    job.close()
    assert watched.families() == {f"netobserv_{name}" for name in names}
    assert len([r for r in caplog.records if "cannot be written" in r.message]) == 1
    assert "status" not in read(kube_server, watched.metric("m0"))


def reader(server: ApiServer, space: str) -> str:
    """The token of a service account."""
    account = service_account(space, "reader")
    apply(server, account)
    return token(server, account)


def read_only(space: str) -> list[dict[str, Any]]:
    """A role that follows FlowMetrics, bound to that account."""
    rbac = {"apiVersion": "rbac.authorization.k8s.io/v1"}
    metadata = {"name": "reader", "namespace": space}
    rule = {
        "apiGroups": ["flows.netobserv.io"],
        "resources": ["flowmetrics"],
        "verbs": ["list", "watch"],
    }
    group = "rbac.authorization.k8s.io"
    subject = {"kind": "ServiceAccount", "name": "reader", "namespace": space}
    reference = {"apiGroup": group, "kind": "Role", "name": "reader"}
    return [
        {**rbac, "kind": "Role", "metadata": metadata, "rules": [rule]},
        {
            **rbac,
            "kind": "RoleBinding",
            "metadata": metadata,
            "subjects": [subject],
            "roleRef": reference,
        },
    ]


def test_no_right_to_read_is_said_and_nothing_else_stops(
    kube_server: ApiServer, space: str, tmp_path: Path
) -> None:
    """A forbidden list is a problem of its own; flows are counted."""
    watched = Watched(kube_server, space, tmp_path, reader(kube_server, space))
    (tmp_path / "own.yaml").write_text(yaml.safe_dump(watched.metric("own")))
    job = watched.start("own.yaml")
    assert watched.families() == {"netobserv_own"}
    said = str(job.notes()["cluster"])
    assert said.startswith("['flowmetrics of ")
    assert "is forbidden" in said
    job.close()


def test_a_server_that_is_away_at_first(tmp_path: Path) -> None:
    """The run goes on without its metrics, is not ready, and says why."""
    (tmp_path / "kubeconfig").write_text(
        "{apiVersion: v1, kind: Config, current-context: c, users: [{name: u, user: {}}],"
        " contexts: [{name: c, context: {cluster: c, user: u}}],"
        f" clusters: [{{name: c, cluster: {{server: 'http://127.0.0.1:{free_port()}'}}}}]}}"
    )
    (tmp_path / "flows.json").write_text("{}\n")
    text = CONFIG.format(namespace="x", files="").replace("[x]", "[x]\n    wait: 0.1s")
    job = Job(config.loads(text, "c", tmp_path))
    job.run()
    with job.server("127.0.0.1:0") as server, pytest.raises(HTTPError) as refused:
        urlopen(f"{server.url}/readyz")
    with refused.value as answer:
        assert json.load(answer)["reason"].startswith("flowmetrics of x: not listed yet")
    job.close()
