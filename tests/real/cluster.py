"""What tests put into a real API server: any object, a kubeconfig, custom resources."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.real.kube import Kube

CRDS = Path(__file__).parents[1] / "kube" / "crds"
_APPLY = "application/apply-patch+yaml"
_PLURALS = {"NetworkPolicy": "networkpolicies"}
_CLUSTER_SCOPED = {
    *("Namespace", "Node", "ServiceCIDR", "ClusterRole", "ClusterRoleBinding"),
    *("CustomResourceDefinition", "FlowCollector", "Network"),
}

Manifest = Mapping[str, Any]


def path(one: Manifest) -> str:
    """The path of an object."""
    version, kind, metadata = one["apiVersion"], one["kind"], one["metadata"]
    root = "/apis/" if "/" in version else "/api/"
    namespace = metadata.get("namespace", "default")
    inside = "" if kind in _CLUSTER_SCOPED else f"/namespaces/{namespace}"
    plural = _PLURALS.get(kind, f"{kind.lower()}s")
    return f"{root}{version}{inside}/{plural}/{metadata['name']}"


def apply(server: Kube, one: Manifest, *, dry_run: bool = False) -> dict[str, Any]:
    """Server-side apply of an object; its answer."""
    query = "?fieldManager=tests&force=true&fieldValidation=Strict"
    query += "&dryRun=All" if dry_run else ""
    return server.request("PATCH", path(one) + query, one, kind=_APPLY)


def read(server: Kube, one: Manifest) -> dict[str, Any]:
    """The object as it is now."""
    return server.request("GET", path(one))


def delete(server: Kube, one: Manifest) -> None:
    """Delete an object."""
    server.request("DELETE", path(one))


def set_status(server: Kube, one: Manifest, status: object) -> None:
    """Replace parts of an object's status."""
    kind = "application/merge-patch+json"
    server.request("PATCH", f"{path(one)}/status", {"status": status}, kind=kind)


def namespace(name: str) -> dict[str, Any]:
    """A namespace."""
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def define(server: Kube, definition: Manifest) -> None:
    """Define a custom resource, and wait until the server knows it."""
    apply(server, definition)
    spec = definition["spec"]
    resource = f"/apis/{spec['group']}/{spec['versions'][0]['name']}/{spec['names']['plural']}"
    eventually(lambda: _answers(server, resource), seconds=30)


def flowmetrics() -> dict[str, Any]:
    """The definition of FlowMetrics."""
    found: dict[str, Any] = yaml.safe_load((CRDS / "flowmetrics.yaml").read_text())
    return found


def lenient(group: str, version: str, kind: str, *, namespaced: bool = False) -> dict[str, Any]:
    """The definition of a custom resource of any content."""
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    plural = f"{kind.lower()}s"
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced" if namespaced else "Cluster",
            "names": {"kind": kind, "plural": plural},
            "versions": [
                {
                    "name": version,
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": schema},
                }
            ],
        },
    }


def kubeconfig(server: Kube, folder: Path, token: str = Kube.token) -> Path:
    """A kubeconfig of a token's user."""
    written = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {
                "name": "test",
                "cluster": {"server": server.url, "certificate-authority": str(server.ca)},
            }
        ],
        "users": [{"name": "test", "user": {"token": token}}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
        "current-context": "test",
    }
    file = folder / "kubeconfig"
    file.write_text(yaml.safe_dump(written))
    return file


def eventually(holds: Callable[[], bool], *, seconds: float = 5) -> None:
    """Wait until something holds; fails when it does not in time."""
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, f"not within {seconds} s"
        time.sleep(0.05)


def _answers(server: Kube, resource: str) -> bool:
    try:
        server.request("GET", resource)
    except RuntimeError:
        return False
    return True
