"""The present objects of a cluster, reduced to the parts that the engine reads."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import msgspec
import yaml

from pipeline.diagnostics import ConfigError
from pipeline.kube.api.client import ClusterConnection
from pipeline.kube.api.errors import ApiError
from pipeline.kube.api.reflector import Resource, pages
from pipeline.kube.index import keys
from pipeline.kube.inventory.export import Manifest
from pipeline.kube.sync.index import FURTHER, NETWORKS, RESOURCES
from pipeline.kube.sync.subnet_labels import FOLLOWED, SINGLES
from pipeline.yaml import kubernetes

_SETTINGS = ("install-config", "ClusterConfiguration")
"""YAML documents in ConfigMaps; only `networking` is taken, the rest may be secret."""

_SPEC = ("nodeName", "hostNetwork", "clusterIP", "clusterIPs", "podCIDRs", "ports")
_STATUS = ("phase", "startTime", "hostIP", "hostIPs", "podIP", "podIPs", "addresses", "conditions")
_NETWORK_ANNOTATIONS = frozenset({keys.NODE_SUBNETS, keys.POD_NETWORKS, keys.NETWORK_STATUS})
_CONDITION = "PodReadyToStartContainers"
_OTHERS = tuple(one for one in FOLLOWED if one not in RESOURCES)


class Refused(NamedTuple):
    """A resource that the server refused, with the reason."""

    what: str
    reason: str


def take(
    connection: ClusterConnection,
    namespaces: Iterable[str] = (),
    *,
    annotations: bool = False,
    refused: Callable[[Refused], None],
) -> Iterator[Manifest]:
    """The reduced objects of a cluster; `namespaces` limits namespaced objects.

    Kinds that the server does not know are left out; kinds that it refuses are passed to `refused`.
    Raises UnreachableError.
    """
    spaces = list(namespaces)
    for resource in (*RESOURCES, *FURTHER, *NETWORKS, *_OTHERS):
        for namespace in (spaces if resource.namespaced else []) or [""]:
            try:
                for page in pages(connection, resource, namespace):
                    yield from (_reduced(resource, one, annotations=annotations) for one in page)
            except ApiError as error:
                if error.code != 404:
                    refused(Refused(resource.plural, str(error)))
    for single in SINGLES:
        try:
            found = connection.fetch(single.path)
            yield _special(single.resource, msgspec.json.decode(found))
        except ApiError as error:
            if error.code != 404:
                refused(Refused(f"{single.resource.kind} {single.name}", str(error)))


def _reduced(resource: Resource, raw: msgspec.Raw, *, annotations: bool) -> Manifest:
    one = msgspec.json.decode(raw)
    kept: Manifest = {
        "apiVersion": resource.version,
        "kind": resource.kind,
        "metadata": _metadata(one, annotations=annotations),
    }
    if resource in _OTHERS:
        return kept | {"spec": one.get("spec")}
    if resource.metadata_only:
        return kept
    spec = {name: one["spec"][name] for name in _SPEC if one.get("spec", {}).get(name)}
    status = {name: one["status"][name] for name in _STATUS if one.get("status", {}).get(name)}
    conditions = [c for c in status.pop("conditions", []) if c.get("type") == _CONDITION]
    if conditions:
        status["conditions"] = conditions
    return kept | {"spec": spec} | ({"status": status} if status else {})


def _metadata(one: Mapping[str, Any], *, annotations: bool) -> Manifest:
    meta = one["metadata"]
    found = {name: meta[name] for name in ("name", "namespace") if meta.get(name)}
    for name in ("creationTimestamp", "deletionTimestamp", "labels"):
        if meta.get(name):
            found[name] = meta[name]
    noted = meta.get("annotations") or {}
    noted = noted if annotations else {k: noted[k] for k in noted if k in _NETWORK_ANNOTATIONS}
    if noted:
        found["annotations"] = noted
    owners = meta.get("ownerReferences") or []
    if owners:
        found["ownerReferences"] = [
            {k: one[k] for k in ("kind", "name", "controller") if k in one} for one in owners
        ]
    return found


def _special(resource: Resource, one: Manifest) -> Manifest:
    """An object, reduced to the parts that subnet labels are derived from."""
    kept: Manifest = {"apiVersion": resource.version, "kind": resource.kind}
    kept["metadata"] = _metadata(one, annotations=False)
    match resource.kind:
        case "ConfigMap":
            data = one.get("data") or {}
            return kept | {"data": {k: _networking(data[k]) for k in _SETTINGS if k in data}}
        case "FlowCollector":
            labels = one["spec"].get("processor", {}).get("subnetLabels", {})
            return kept | {"spec": {"processor": {"subnetLabels": labels}}}
        case "EndpointSlice":
            found = [{"addresses": each["addresses"]} for each in one.get("endpoints") or []]
            return kept | {"endpoints": found}
    return kept | {"spec": one.get("spec")}


def _networking(text: str) -> str:
    try:
        document = next(kubernetes.documents(text, ""), None)
    except ConfigError:
        return ""
    settings = document.data if document and isinstance(document.data, dict) else {}
    return yaml.safe_dump({"networking": settings.get("networking")}, sort_keys=False)
