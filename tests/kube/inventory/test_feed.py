"""The objects of a cluster followed as an inventory has them, on a real API server."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from pipeline.kube.api.access import Access
from pipeline.kube.api.client import ClusterConnection
from pipeline.kube.inventory import feed, file
from pipeline.kube.inventory.feed import ManifestFeed
from pipeline.stage import BuildContext
from pipeline.stage.resources import ResourcePool
from stages.policy_verdict import PolicyVerdict
from tests.kube.live import Client, pod, until
from tests.real.cluster import kubeconfig
from tests.real.kube import Kube
from tests.stages.flows import Flow, run
from tests.support.policies import netpol

WEB, DB = "198.18.9.1", "198.18.9.2"
POLICY = """
podSelector: {matchLabels: {app: db}}
ingress: [{from: [{podSelector: {matchLabels: {app: web}}}]}]
"""
MERGE = "application/merge-patch+json"


def labelled(name: str, ip: str, space: str) -> dict[str, Any]:
    one = pod(name, ip, space)
    one["metadata"]["labels"] = {"app": name}
    return one


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read again without a pause."""
    monkeypatch.setattr(feed, "_SECONDS", 0.0)


def test_objects_are_followed(own_kube_server: Kube, space: str, tmp_path: Path) -> None:
    """The first reading waits for all lists; later ones give something when it has changed."""
    client = Client(own_kube_server)
    client.create(labelled("web", WEB, space))
    connection = ClusterConnection(kubeconfig(own_kube_server, tmp_path))
    with closing(ManifestFeed(connection, [space])) as followed:
        first = followed.refresh() or []
        assert {one["kind"] for one in first} >= {"Pod", "Namespace"}
        assert [one["metadata"]["name"] for one in first if one["kind"] == "Pod"] == ["web"]
        client.create(labelled("db", DB, space))
        until(lambda: len(pods(followed.refresh())) == 2)
        client.delete(labelled("web", WEB, space))
        until(lambda: pods(followed.refresh()) == ["db"])
        assert followed.waiting() == []


def pods(found: list[dict[str, Any]] | None) -> list[str]:
    ready = (
        one for one in found or () if one["kind"] == "Pod" and one.get("status", {}).get("podIPs")
    )
    return [one["metadata"]["name"] for one in ready]


def test_verdicts_follow_the_cluster(own_kube_server: Kube, space: str, tmp_path: Path) -> None:
    """A pod that comes is judged, one whose labels change is judged anew."""
    client, web = Client(own_kube_server), labelled("web", WEB, space)
    client.create(labelled("db", DB, space))
    kubeconfig(own_kube_server, tmp_path)
    file.write([netpol(f"{space}/db", POLICY)], tmp_path / "db.yaml")
    stage = PolicyVerdict(
        name="v",
        policies=["db.yaml"],
        cluster=Access(kubeconfig="kubeconfig"),
        namespaces=[space],
    )
    flow: Flow = {
        "SrcAddr": WEB,
        "SrcPort": 40_000,
        "SrcK8S_OwnerType": "Pod",
        "SrcK8S_OwnerName": "web",
        "SrcK8S_Namespace": space,
        "DstK8S_Namespace": space,
        "DstK8S_OwnerName": "db",
        "DstAddr": DB,
        "DstPort": 5432,
        "DstK8S_OwnerType": "Pod",
        "Proto": 6,
        "Flags": 2,
    }
    with closing(ResourcePool()) as resources:
        built = stage.build(BuildContext(folder=tmp_path), resources)
        refresh = built.refresh
        assert refresh

        def verdict() -> str:
            refresh(Event())
            return str(run(built, [flow])[0]["verdict"])

        assert verdict() == "unknown"
        client.create(web)
        until(lambda: verdict() == "allowed")
        path = f"/api/v1/namespaces/{space}/pods/web"
        client("PATCH", path, {"metadata": {"labels": {"app": "x"}}}, MERGE)
        until(lambda: verdict() == "denied")
