"""The present objects of a cluster, reduced to the parts that the engine reads."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import NamedTuple
from urllib.parse import quote

import msgspec

from pipeline.diagnostics import listed, nearest
from pipeline.kube.api import objects
from pipeline.kube.api.client import ClusterConnection
from pipeline.kube.api.errors import ApiError
from pipeline.kube.api.reflector import Resource, pages
from pipeline.kube.inventory.export import Manifest
from pipeline.kube.inventory.reduce import CONTROLLERS, reduced
from pipeline.kube.sync.index import FURTHER, NETWORKS, RESOURCES
from pipeline.kube.sync.subnet_labels import FOLLOWED, SINGLES

_NAMESPACES = Resource("Namespace", "v1", "namespaces", namespaced=False)
_POLICIES = (
    _NAMESPACES,
    Resource("StatefulSet", "apps/v1", "statefulsets"),
    Resource("DaemonSet", "apps/v1", "daemonsets"),
    Resource("CronJob", "batch/v1", "cronjobs"),
    Resource("EndpointSlice", "discovery.k8s.io/v1", "endpointslices"),
    Resource("NetworkPolicy", "networking.k8s.io/v1", "networkpolicies"),
)
"""What edges and policies need beside the objects that a pipeline follows."""

_OTHERS = tuple(one for one in FOLLOWED if one not in RESOURCES)
LISTED: tuple[Resource, ...] = tuple(
    one._replace(metadata_only=one.metadata_only and one.kind not in CONTROLLERS)
    for one in (*RESOURCES, *FURTHER, *NETWORKS, *_OTHERS, *_POLICIES)
)
"""All resources of an inventory. A pipeline follows the metadata of owners; here their selectors
are read as well."""


class Refused(NamedTuple):
    """A resource that the server refused, with the reason, and where ("": everywhere)."""

    what: str
    reason: str
    resource: Resource | None = None
    namespace: str = ""


def take(
    connection: ClusterConnection,
    namespaces: Iterable[str] = (),
    *,
    annotations: bool = False,
    refused: Callable[[Refused], None],
) -> Iterator[Manifest]:
    """The reduced objects of a cluster; `namespaces` limits namespaced objects.

    Kinds that the server does not know are left out; kinds that it refuses, and objects that do not
    have the shape of their kind, are passed to `refused`. Raises UnreachableError.
    """
    slices: set[tuple[str, str]] = set()
    spaces = list(namespaces)
    for resource in LISTED:
        for namespace in (spaces if resource.namespaced else []) or [""]:
            try:
                there = _listed(connection, resource, namespace)
                none = Refused(f"one of {resource.plural}", "")
                for found in _usable(resource, there, none, refused, annotations=annotations):
                    slices |= {_place(found)} if resource.kind == "EndpointSlice" else set()
                    yield found
            except ApiError as error:
                if error.code != 404:
                    refused(Refused(resource.plural, str(error), resource, namespace))
    for single in SINGLES:
        if (single.namespace, single.name) in slices:
            continue
        none = Refused(f"{single.resource.kind} {single.name}", "")
        try:
            there = iter([msgspec.Raw(connection.fetch(single.path))])
            yield from _usable(single.resource, there, none, refused, annotations=False)
        except ApiError as error:
            if error.code != 404:
                refused(none._replace(reason=str(error)))


def missing(connection: ClusterConnection, namespaces: Iterable[str]) -> Iterator[tuple[str, str]]:
    """The namespaces that are not there, each with a hint: the nearest name, or all there are.

    What may not be asked is taken to be there. Raises UnreachableError.
    """
    for name in namespaces:
        try:
            connection.fetch(f"{_NAMESPACES.path()}/{quote(name, safe='')}")
        except ApiError as error:
            if error.code == 404:
                yield name, _hint(connection, name)


def _hint(connection: ClusterConnection, name: str) -> str:
    names: list[str] = []
    with suppress(ApiError):
        found = _listed(connection, _NAMESPACES, "")
        names += [objects.parse(one).metadata.name for one in found]
    return nearest(name, names) or f"there are {listed(names)}" if names else ""


def _listed(
    connection: ClusterConnection, resource: Resource, namespace: str
) -> Iterator[msgspec.Raw]:
    for page in pages(connection, resource, namespace):
        yield from page


def _usable(
    resource: Resource,
    found: Iterator[msgspec.Raw],
    none: Refused,
    refused: Callable[[Refused], None],
    *,
    annotations: bool,
) -> Iterator[Manifest]:
    """The objects, reduced; `none` is told, with its reason, of each that is none of the kind."""
    for one in found:
        try:
            yield _reduced(resource, one, annotations=annotations)
        except ValueError as error:
            refused(none._replace(reason=str(error)))


def _reduced(resource: Resource, raw: bytes, *, annotations: bool) -> Manifest:
    """Raises ValueError when an object does not have the shape of its kind."""
    if not objects.parse(raw).metadata.name:
        raise ValueError("not a Kubernetes object: metadata.name is missing")
    one = msgspec.json.decode(raw)
    try:
        return reduced(resource.version, resource.kind, one, annotations=annotations)
    except (AttributeError, LookupError, TypeError) as error:
        raise ValueError(f"not the shape of a {resource.kind}: {error}") from error


def _place(one: Manifest) -> tuple[str, str]:
    return one["metadata"].get("namespace", ""), one["metadata"]["name"]
