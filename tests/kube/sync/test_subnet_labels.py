"""Subnet labels from a real API server: derived, from its FlowCollector, and followed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline import config
from pipeline.app.job import Job
from pipeline.kube.api.access import Access
from pipeline.kube.subnets import Label
from pipeline.kube.sync.subnet_labels import LabelFeed
from pipeline.stage.fingerprint import fingerprints
from tests.real.apiserver import ApiServer
from tests.real.cluster import (
    apply,
    define,
    delete,
    eventually,
    kubeconfig,
    lenient,
    namespace,
    service_account,
    set_status,
    token,
)
from tests.real.kube import SERVICE_RANGE, Kube

CONFIG = """\
stages:
  - {name: flows, type: ingest_file, path: flows.json, decoder: json}
  - {name: subnets, type: subnet_label, follows: flows, cluster: {kubeconfig: kubeconfig}}
  - name: expose
    type: encode_prometheus
    follows: subnets
    metrics: [{name: flows, labels: [SrcSubnetLabel]}]
"""
SERVICES = Label("Services", [SERVICE_RANGE])
OPENSHIFT_KIND, OVN = "config.openshift.io/v1", ["100.64.0.0/16", "100.88.0.0/16", "169.254.0.0/17"]


def node(name: str, pods: str) -> dict[str, Any]:
    metadata = {"name": name}
    return {"apiVersion": "v1", "kind": "Node", "metadata": metadata, "spec": {"podCIDRs": [pods]}}


def add_node(server: ApiServer, name: str, ip: str, pods: str) -> None:
    one = node(name, pods)
    apply(server, one)
    set_status(server, one, {"addresses": [{"type": "InternalIP", "address": ip}]})


def collector(**labels: object) -> dict[str, Any]:
    return {
        "apiVersion": "flows.netobserv.io/v1beta2",
        "kind": "FlowCollector",
        "metadata": {"name": "cluster"},
        "spec": {"processor": {"subnetLabels": labels}},
    }


@pytest.fixture
def feed(new_kube: Kube, tmp_path: Path) -> Iterator[LabelFeed]:
    kubeconfig(new_kube, tmp_path)
    add_node(new_kube, "n1", "192.168.1.5", "10.244.0.0/24")
    define(new_kube, lenient("flows.netobserv.io", "v1beta2", "FlowCollector"))
    made = LabelFeed(Access(kubeconfig="kubeconfig").connect(tmp_path))
    assert made.wait(60)
    yield made
    made.close()


def test_a_plain_cluster(new_kube: Kube, feed: LabelFeed) -> None:
    """Labels are derived from nodes and service ranges, and follow them."""
    assert feed.labels() == [
        Label("Machines", ["192.168.1.5/32"]),
        Label("Pods", ["10.244.0.0/24"]),
        SERVICES,
    ]
    assert feed.problems() == []
    before = feed.labels()
    assert feed.labels() is before
    add_node(new_kube, "n2", "192.168.1.6", "10.244.1.0/24")
    both = Label("Machines", ["192.168.1.5/32", "192.168.1.6/32"])
    eventually(lambda: feed.labels()[0] == both)
    delete(new_kube, node("n2", ""))
    eventually(lambda: feed.labels() == before)


def test_a_flow_collector_changes_labels_and_counters_go_on(
    new_kube: Kube, feed: LabelFeed, tmp_path: Path
) -> None:
    """Its labels come first; a reload keeps the counts."""
    flows = [{"SrcAddr": address} for address in ("192.168.1.5", "3.5.204.1")]
    (tmp_path / "flows.json").write_text("".join(json.dumps(flow) + "\n" for flow in flows))
    file = tmp_path / "config.yaml"
    file.write_text(CONFIG)
    job = Job(config.load(file))
    with job.watch(lambda: config.load(file), lambda: fingerprints([file])):
        job.run()
        assert shown(job) == {"Machines": 1, "": 1}
        custom = [{"name": "S3", "cidrs": ["3.5.204.0/22"]}]
        before = job.plan
        apply(new_kube, collector(customLabels=custom))
        eventually(lambda: job.plan is not before)
        job.run()
        assert shown(job) == {"Machines": 2, "": 1, "S3": 1}
        custom.append({"name": "odd", "cidrs": ["10.0.0.0"]})
        apply(new_kube, collector(customLabels=custom, openShiftAutoDetect=False))
        eventually(lambda: [label.name for label in feed.labels()] == ["S3"])
        assert feed.problems() == ['label "odd" of the cluster: "10.0.0.0" is not a valid CIDR']
    job.close()


def shown(job: Job) -> dict[str, float]:
    (table,) = job.counts.tables()
    return dict(table.series().select("SrcSubnetLabel", ":value").iter_rows())


def test_openshift_says_more_than_nodes(new_kube: Kube, tmp_path: Path) -> None:
    """OpenShift's own objects replace what nodes would say."""
    kubeconfig(new_kube, tmp_path)
    add_node(new_kube, "n1", "192.168.1.5", "10.244.0.0/24")
    install = "networking: {machineNetwork: [{cidr: 10.0.0.0/16}]}"
    data = {"metadata": {"name": "cluster-config-v1", "namespace": "kube-system"}}
    new = {"apiVersion": "v1", "kind": "ConfigMap", **data, "data": {"install-config": install}}
    apply(new_kube, namespace("kube-system"))
    apply(new_kube, new)
    for group in ("config", "operator"):
        define(new_kube, lenient(f"{group}.openshift.io", "v1", "Network"))
    spec = {"clusterNetwork": [{"cidr": "10.128.0.0/14"}], "serviceNetwork": [SERVICE_RANGE]}
    network = {"apiVersion": OPENSHIFT_KIND, "kind": "Network", "metadata": {"name": "cluster"}}
    apply(new_kube, {**network, "spec": {**spec, "networkType": "OVNKubernetes"}})
    made = LabelFeed(Access(kubeconfig="kubeconfig").connect(tmp_path))
    assert made.wait(60)
    made.close()
    assert made.labels() == [
        Label("Machines", ["10.0.0.0/16", *OVN]),
        Label("Pods", ["10.128.0.0/14"]),
        SERVICES,
    ]


def test_what_is_forbidden_is_a_problem_and_nothing_more(new_kube: Kube, tmp_path: Path) -> None:
    """Without any right there are no labels, and four problems."""
    account = service_account("default", "nobody")
    apply(new_kube, account)
    kubeconfig(new_kube, tmp_path, token(new_kube, account))
    made = LabelFeed(Access(kubeconfig="kubeconfig").connect(tmp_path))
    assert made.wait(60)
    assert made.labels() == []
    assert len(made.problems()) == 4, "the single objects and kinds that a plain cluster has"
    assert all("forbidden" in problem for problem in made.problems())
    made.close()
