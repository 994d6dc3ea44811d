"""Changes of a cluster that wait for the next batch, and more of them than may wait."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline import limits
from tests.kube.live import Client, pod, until
from tests.kube.watching import fresh, measured, named, watching
from tests.real.apiserver import ApiServer
from tests.real.cluster import kubeconfig

_SAID = "more than 3 objects of the cluster changed between two batches"


def test_more_changes_than_may_wait_are_said(
    kube_server: ApiServer, space: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What stays is known all the same; what came and went is not, and that is said once."""
    monkeypatch.setattr("pipeline.kube.sync.index._QUEUED", 3)
    client = Client(kube_server)
    with watching(kubeconfig(kube_server, tmp_path), namespaces=[space]) as watch:
        fresh(watch)
        assert not any(_SAID in text for text in limits.in_effect()), "a list is no change"
        client.create(pod("stays", "198.18.8.99", space))
        for number in range(8):
            one = pod(f"p{number}", f"198.18.8.{number}", space)
            client.create(one)
            client.delete(one)
        until(lambda: measured(watch, "kube_events").get(("Pod", "deleted"), 0) >= 8)
        assert sum(_SAID in text for text in limits.in_effect()) == 1
        assert named(watch, "198.18.8.99") == "stays"
