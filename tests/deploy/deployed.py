"""The manifests of deploy/, as they are and in a namespace of a test's own."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import yaml

from tests.real.apiserver import ApiServer
from tests.real.cluster import define, eventually, flowmetrics, lenient
from tests.real.kustomize import render

ROOT = Path(__file__).parents[2]
OVERLAYS = ["agents", "kafka-mtls", "kafka-plain", "openshift"]
HOME = "netobserv"
"""The namespace they are for."""
_RIGHTS = {"ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"}


def overlay(name: str) -> list[dict[str, Any]]:
    """The objects of an overlay."""
    return render(ROOT / "deploy" / "overlays" / name)


def stages(name: str) -> list[dict[str, Any]]:
    """The stages of its pipeline."""
    (text,) = [one["data"]["config.yaml"] for one in overlay(name) if one["kind"] == "ConfigMap"]
    found: list[dict[str, Any]] = yaml.safe_load(text)["stages"]
    return found


def moved(name: str, space: str) -> list[dict[str, Any]]:
    """The objects of an overlay in another namespace; rights outside of it bear its name."""
    return [_moved(one, space) for one in overlay(name)]


def _moved(original: dict[str, Any], space: str) -> dict[str, Any]:
    one = copy.deepcopy(original)
    meta = one["metadata"]
    if meta.get("namespace") == HOME:
        meta["namespace"] = space
    if one["kind"] in _RIGHTS:
        meta["name"] = meta["name"].replace("flowmatrix", space)
        for subject in one.get("subjects", []):
            subject["namespace"] = space
    if "roleRef" in one:
        one["roleRef"]["name"] = one["roleRef"]["name"].replace("flowmatrix", space)
    return one


def account(name: str, space: str = HOME) -> dict[str, Any]:
    """The service account of an overlay, and nothing else of it."""
    (found,) = [one for one in moved(name, space) if one["kind"] == "ServiceAccount"]
    return found


def rights(name: str, space: str) -> list[dict[str, Any]]:
    """What its service account may do everywhere, and in its namespace."""
    found = [one for one in moved(name, space) if one["kind"] in _RIGHTS]
    return [one for one in found if one["metadata"].get("namespace", space) == space]


def prepare(server: ApiServer, name: str) -> None:
    """What an overlay takes for granted: its custom resources, and the server's own namespaces."""
    define(server, flowmetrics())
    define(server, lenient("flows.netobserv.io", "v1beta2", "FlowCollector"))
    if name == "openshift":
        define(server, lenient("monitoring.coreos.com", "v1", "ServiceMonitor", namespaced=True))
        for group in ("config", "operator"):
            define(server, lenient(f"{group}.openshift.io", "v1", "Network"))
    for space in ("default", "kube-system"):
        eventually(lambda space=space: server.has(f"/api/v1/namespaces/{space}"))  # type: ignore[misc] # mypy cannot infer a lambda with a default
