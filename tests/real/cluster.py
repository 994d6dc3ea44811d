"""What tests put into a real API server: any object, a kubeconfig, custom resources."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from pipeline.files import write
from tests.real.apiserver import ApiServer, Reach
from tests.real.parts import LOCALHOST

CRDS = Path(__file__).parents[1] / "kube" / "crds"
_APPLY, _MERGE = "application/apply-patch+yaml", "application/merge-patch+json"
_PLURALS = {"NetworkPolicy": "networkpolicies"}
_CLUSTER_SCOPED = {
    *("Namespace", "Node", "ServiceCIDR", "ClusterRole", "ClusterRoleBinding"),
    *("CustomResourceDefinition", "FlowCollector", "Network", "ClusterUserDefinedNetwork"),
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


def apply(server: ApiServer, one: Manifest, *, dry_run: bool = False) -> dict[str, Any]:
    """Server-side apply of an object; its answer."""
    query = "?fieldManager=tests&force=true&fieldValidation=Strict"
    query += "&dryRun=All" if dry_run else ""
    return server.request("PATCH", path(one) + query, one, kind=_APPLY)


def read(server: ApiServer, one: Manifest) -> dict[str, Any]:
    """The object as it is now."""
    return server.request("GET", path(one))


def delete(server: ApiServer, one: Manifest) -> None:
    """Delete an object."""
    server.request("DELETE", path(one))


def set_status(server: ApiServer, one: Manifest, status: object) -> None:
    """Replace parts of an object's status."""
    server.request("PATCH", f"{path(one)}/status", {"status": status}, kind=_MERGE)


def annotate(server: ApiServer, one: Manifest, annotations: Mapping[str, str]) -> None:
    """Replace some of an object's annotations."""
    changed = {"metadata": {"annotations": annotations}}
    server.request("PATCH", path(one), changed, kind=_MERGE)


@contextmanager
def present(server: ApiServer, *objects: Manifest) -> Iterator[None]:
    """Objects that are there for as long as the block lasts."""
    with ExitStack() as stack:
        for one in objects:
            apply(server, one)
            stack.callback(delete, server, one)
        yield


@contextmanager
def new_namespace(server: ApiServer) -> Iterator[str]:
    """A namespace of one's own, which goes with all that is in it.

    Pods want its default service account, which elsewhere a controller makes. They are deleted
    here: no kubelet lets go of them.
    """
    labels = {"app.kubernetes.io/part-of": "flowmatrix-tests"}
    asked = {"metadata": {"generateName": "flowmatrix-test-", "labels": labels}}
    name = server.request("POST", "/api/v1/namespaces", asked)["metadata"]["name"]
    try:
        apply(server, service_account(name, "default"))
        yield name
    finally:
        now = {"gracePeriodSeconds": 0}
        server.request("DELETE", f"/api/v1/namespaces/{name}/pods", now)
        delete(server, namespace(name))


def service_account(space: str, name: str) -> dict[str, Any]:
    """A service account: it may do what is bound to it, and nothing else."""
    metadata = {"name": name, "namespace": space}
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}


def token(server: ApiServer, account: Manifest, **spec: object) -> str:
    """A new token of a service account that is there; `spec` of the TokenRequest."""
    asked = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
    answer = server.request("POST", f"{path(account)}/token", asked)
    return str(answer["status"]["token"])


def namespace(name: str) -> dict[str, Any]:
    """A namespace."""
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def define(server: ApiServer, definition: Manifest) -> None:
    """See to it that the server knows a custom resource; one it knows already is left alone."""
    if not server.has(path(definition)):
        apply(server, definition)
        server.brought.callback(delete, server, definition)
    eventually(partial(served, server, definition))


def served(server: ApiServer, definition: Manifest) -> bool:
    """Whether a custom resource can be used: a new one is unknown first, then not ready."""
    spec = definition["spec"]
    all_of_it = f"/apis/{spec['group']}/{spec['versions'][0]['name']}/{spec['names']['plural']}"
    try:
        return server.has(all_of_it)
    except RuntimeError as error:
        if ": 429 " not in str(error):
            raise
        return False


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


def kubeconfig(
    to: ApiServer | Reach, where: Path, token: str = "", *, port: int = 0, **others: str
) -> Path:
    """A kubeconfig of the administrator, or of whom a token is: a file, or in a folder.

    With a `port`, by way of that one of this machine. `others` are tokens by context.
    """
    reach = to if isinstance(to, Reach) else to.reach
    cluster, admin = (reach.by(token) if token else reach).kubeconfig()
    if port:
        url = urlsplit(reach.url)
        cluster["server"] = url._replace(netloc=f"{LOCALHOST}:{port}").geturl()
        cluster["tls-server-name"] = reach.name or url.hostname
    users = {"admin": admin, **{name: {"token": text} for name, text in others.items()}}
    file = where / "kubeconfig" if where.is_dir() else where
    written = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "test", "cluster": cluster}],
        "users": [{"name": name, "user": user} for name, user in users.items()],
        "contexts": [
            {"name": name, "context": {"cluster": "test", "user": name}} for name in users
        ],
        "current-context": "admin",
    }
    write(file, yaml.safe_dump(written))  # a watch may read it
    return file


def eventually(holds: Callable[[], bool], *, seconds: float = 120) -> None:
    """Wait until something holds; fails when it does not in time."""
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, f"not within {seconds} s"
        time.sleep(0.05)
