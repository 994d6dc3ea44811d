"""Selectors of workloads: the controller's own, those of Jobs, and those that cannot be."""

from __future__ import annotations

from typing import Any

import pytest

from policy.generate.draft import plain
from policy.generate.selection import NotSelectableError, Selections
from policy.objects import Cluster
from policy.parts import Reference

UID = "controller-uid"
RUN = {
    UID: "5f2c",
    "job-name": "backup-29404800",
    "batch.kubernetes.io/controller-uid": "5f2c",
    "batch.kubernetes.io/job-name": "backup-29404800",
}


def pod(
    name: str, labels: dict[str, str], owner: tuple[str, str] | None, phase: str = "Running"
) -> dict[str, Any]:
    owners = [{"kind": owner[0], "name": owner[1], "controller": True}] if owner else []
    metadata = {"namespace": "shop", "name": name, "labels": labels, "ownerReferences": owners}
    return {
        "kind": "Pod",
        "metadata": metadata,
        "spec": {"nodeName": "worker"},
        "status": {"phase": phase, "podIP": "10.1.0.1", "hostIP": "192.0.2.1"},
    }


def controller(kind: str, name: str, spec: dict[str, Any], owner: str = "") -> dict[str, Any]:
    metadata: dict[str, Any] = {"namespace": "shop", "name": name}
    if owner:
        of_kind, of_name = owner.split()
        metadata["ownerReferences"] = [{"kind": of_kind, "name": of_name, "controller": True}]
    return {"kind": kind, "metadata": metadata, "spec": spec}


def selected(kind: str, name: str, *objects: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """The selector of a workload, and the note."""
    selections = Selections(Cluster(objects))
    found = selections.of(selections.top(Reference(kind, "shop", name)))
    return plain(found.selector), found.note


def reason(kind: str, name: str, *objects: dict[str, Any]) -> str:
    with pytest.raises(NotSelectableError) as refused:
        selected(kind, name, *objects)
    return str(refused.value)


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"])
def test_a_controller_has_its_own_selector(kind: str) -> None:
    own = {"matchLabels": {"app": "web"}}
    objects = [
        controller(kind, "web", {"selector": own}),
        pod("web-1", {"app": "web", "pod-template-hash": "f7"}, (kind, "web")),
    ]
    assert selected(kind, "web", *objects) == (own, "")


def test_expressions_of_a_selector_are_kept() -> None:
    """Without them the selector would be wider."""
    own = {
        "matchLabels": {"app": "web"},
        "matchExpressions": [
            {"key": "tier", "operator": "In", "values": ["a", "b"]},
            {"key": "old", "operator": "DoesNotExist"},
        ],
    }
    objects = [
        controller("Deployment", "web", {"selector": own}),
        pod("web-1", {"app": "web", "tier": "a"}, ("Deployment", "web")),
    ]
    assert selected("Deployment", "web", *objects) == (own, "")


def test_what_an_operator_owns_stays_apart() -> None:
    """A FlowCollector owns a DaemonSet and a Deployment: they are workloads of their own."""
    owner = "FlowCollector cluster"
    objects = []
    for kind, name in (("DaemonSet", "collector"), ("Deployment", "plugin")):
        spec = {"selector": {"matchLabels": {"app": name}}}
        objects.append(controller(kind, name, spec, owner))
        labels = {"app": name, "part-of": "netobserv"}
        objects.append(pod(f"{name}-1", labels, (kind, name)))
    assert selected("DaemonSet", "collector", *objects)[0] == {"matchLabels": {"app": "collector"}}
    assert selected("Deployment", "plugin", *objects)[0] == {"matchLabels": {"app": "plugin"}}


def test_a_resource_that_owns_one_workload_is_that_workload() -> None:
    """Flows of a Gateway's pods may be attributed to the Gateway."""
    objects = [
        controller(
            "Deployment", "gw", {"selector": {"matchLabels": {"gateway": "gw"}}}, "Gateway main"
        ),
        pod("gw-1", {"gateway": "gw", "version": "7"}, ("Deployment", "gw")),
    ]
    assert selected("Gateway", "main", *objects) == ({"matchLabels": {"gateway": "gw"}}, "")


def test_a_replica_set_climbs_to_its_deployment() -> None:
    own = {"matchLabels": {"app": "web"}}
    hashed = {"matchLabels": {"app": "web", "pod-template-hash": "f7"}}
    objects = [
        controller("Deployment", "web", {"selector": own}),
        controller("ReplicaSet", "web-f7", {"selector": hashed}, "Deployment web"),
        pod("web-f7-1", {"app": "web", "pod-template-hash": "f7"}, ("ReplicaSet", "web-f7")),
    ]
    assert selected("ReplicaSet", "web-f7", *objects) == (own, "")


def template(labels: dict[str, str]) -> dict[str, Any]:
    return {"template": {"metadata": {"labels": labels}, "spec": {}}}


CRON_JOB = controller("CronJob", "backup", {"jobTemplate": {"spec": template({"app": "backup"})}})
JOB = controller(
    "Job",
    "backup-29404800",
    {"selector": {"matchLabels": {UID: "5f2c"}}, **template({"app": "backup", **RUN})},
    "CronJob backup",
)
JOB_POD = pod("backup-1", {"app": "backup", **RUN}, ("Job", "backup-29404800"), "Succeeded")


def test_a_job_climbs_to_its_cron_job_and_leaves_the_labels_of_the_run() -> None:
    own = {"matchLabels": {"app": "backup"}}
    assert selected("Job", "backup-29404800", CRON_JOB, JOB, JOB_POD) == (own, "")


def test_a_job_that_is_gone_climbs_by_its_name() -> None:
    """A run of last night has no object any more."""
    found, _ = selected("Job", "backup-29404799", CRON_JOB)
    assert found == {"matchLabels": {"app": "backup"}}


def test_a_job_of_its_own_has_the_labels_of_its_template() -> None:
    one = controller("Job", "load", template({"app": "load", **RUN}))
    assert selected("Job", "load", one, pod("load-1", {"app": "load", **RUN}, ("Job", "load")))[
        0
    ] == {"matchLabels": {"app": "load"}}


def test_a_job_without_stable_label_cannot_be_selected() -> None:
    one = controller("Job", "load", template(RUN))
    assert reason("Job", "load", one) == "its template has no stable label"


def test_an_empty_selector_is_refused() -> None:
    """It would be all pods of the namespace."""
    one = controller("ReplicaSet", "all", {"selector": {"matchLabels": {}, "matchExpressions": []}})
    assert reason("ReplicaSet", "all", one) == "its selector is empty"


def test_a_pod_without_controller_has_its_own_labels() -> None:
    assert selected("Pod", "debug", pod("debug", {"run": "debug"}, None)) == (
        {"matchLabels": {"run": "debug"}},
        "",
    )
    assert reason("Pod", "bare", pod("bare", {}, None)) == (
        "its pods have no stable label in common"
    )


def test_a_controller_of_another_kind_has_the_labels_that_its_pods_share() -> None:
    """And it is said that they were found so."""
    owner = ("StrimziPodSet", "kafka")
    pods = [
        pod(f"kafka-{n}", {"strimzi.io/cluster": "kafka", "pod": str(n)}, owner) for n in range(2)
    ]
    assert selected(*owner, *pods) == (
        {"matchLabels": {"strimzi.io/cluster": "kafka"}},
        "selected by the labels that its pods share now",
    )


def test_what_is_not_there_cannot_be_selected() -> None:
    assert reason("Deployment", "gone") == "it is not among the objects"


def test_a_selector_without_pods_is_not_proved() -> None:
    one = controller("Deployment", "web", {"selector": {"matchLabels": {"app": "web"}}})
    assert selected("Deployment", "web", one)[1] == (
        "its selector is not proved: it has no pod now"
    )


def test_who_runs() -> None:
    """Workloads with living pods on the pod network."""
    host = pod("agent-1", {"app": "agent"}, ("DaemonSet", "agent"))
    host["spec"]["hostNetwork"] = True
    selections = Selections(Cluster([CRON_JOB, JOB, JOB_POD, host, pod("solo", {"a": "b"}, None)]))
    assert selections.running("shop") == [Reference("Pod", "shop", "solo")]
    assert selections.nodes(Reference("DaemonSet", "shop", "agent")) == ["worker"]
    assert selections.nodes(Reference("Pod", "shop", "solo")) == []
