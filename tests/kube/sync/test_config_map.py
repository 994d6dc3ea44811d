"""One ConfigMap of a real API server: its texts, its changes, and why it cannot be read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipeline.kube.api.access import Access
from pipeline.kube.api.client import ClusterConnection
from pipeline.kube.api.errors import ApiError
from pipeline.kube.sync.config_map import ConfigMap, ConfigMapFeed
from tests.real.apiserver import ApiServer
from tests.real.cluster import apply, delete, eventually, kubeconfig


def made(space: str, **data: str) -> dict[str, Any]:
    metadata = {"name": "settings", "namespace": space}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


@pytest.fixture
def place(kube_server: ApiServer, space: str, tmp_path: Path) -> ConfigMap:
    path = kubeconfig(kube_server, tmp_path / "kubeconfig")
    return ConfigMap(Access(kubeconfig=str(path)), space, "settings")


def test_its_texts(kube_server: ApiServer, space: str, place: ConfigMap) -> None:
    connection = place.access.connect(Path())
    with pytest.raises(ApiError, match='configmaps "settings" not found'):
        place.entries(connection)
    apply(kube_server, made(space, one="1", two="2"))
    assert place.entries(connection) == {"one": "1", "two": "2"}
    connection.close()


def test_a_change_is_seen_and_a_failure_is_a_problem(
    kube_server: ApiServer, space: str, place: ConfigMap
) -> None:
    """What was read last stays when it is deleted."""
    apply(kube_server, made(space, one="1"))
    connection: ClusterConnection = place.access.connect(Path())
    feed = ConfigMapFeed(connection, place, {"one": "1"}, period=0.05)
    first = feed.fingerprint()
    apply(kube_server, made(space, one="2"))
    eventually(lambda: feed.fingerprint() != first)
    second = feed.fingerprint()
    assert second == frozenset({("one", "2")})
    delete(kube_server, made(space))
    eventually(lambda: feed.problems() != [])
    (problem,) = feed.problems()
    assert problem.startswith(f"ConfigMap {space}/settings: ")
    assert feed.fingerprint() == second
    apply(kube_server, made(space, one="2"))
    eventually(lambda: feed.problems() == [])
    feed.close()
