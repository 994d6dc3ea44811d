"""Index entries: the parts of a pod, a node or a service that the index stores."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import datetime
from enum import IntEnum
from functools import lru_cache
from typing import TypedDict

import msgspec

from pipeline.kube.api import objects
from pipeline.kube.api.objects import Fields, Object, Owner
from pipeline.kube.index import keys
from pipeline.kube.index.keys import Secondary
from pipeline.kube.index.owners import controller

_NETWORK = "PodReadyToStartContainers"
_ENDED = frozenset({"Succeeded", "Failed"})


class IndexOptions(msgspec.Struct, frozen=True):
    """What an index stores: secondary keys, the network plugin's addresses, annotations.

    `window`: for how many seconds it remembers former holders of addresses.
    """

    secondary: tuple[Secondary, ...] = ()
    cni: frozenset[str] = frozenset({"ovn"})
    annotations: bool = False
    window: float = 0.0

    @property
    def multus(self) -> tuple[Secondary, ...]:
        """The combinations of attachment parts to index, in the order to try them."""
        return tuple(parts for parts in self.secondary if parts.multus)

    @property
    def udn(self) -> bool:
        """Whether user-defined networks are indexed."""
        return any(parts.udn for parts in self.secondary)


class DeclaredPort(msgspec.Struct, frozen=True):
    """A port that a container of a pod, or a Service, declares.

    `target` is that of a Service: the number or the name of a container's port, 0 where it is not
    given. `host` is the port of nodes that leads to it (hostPort, nodePort), 0 where none does.
    `probed`: the kubelet asks it whether the container lives, is ready or has begun.
    """

    name: str
    number: int
    protocol: str
    target: int | str = 0
    host: int = 0
    probed: bool = False


class Standing(IntEnum):
    """How far an object still has its addresses; a higher standing has precedence."""

    ENDED = 0
    TERMINATING = 1
    LIVING = 2


class Entry(msgspec.Struct, gc=False, kw_only=True):
    """An indexed object. `networks`: secondary key -> name of the network.

    `noted`: the annotations that addresses and networks were read from.
    `ports`: the declared ones; `selector`: that of a Service.
    `created`, `deleted`: its timestamps as the API writes them, empty when missing.
    It got its addresses between `since` and `seen`; a pod that has `ended` had them until `until`
    (all in ms since 1970, 0: unknown). `gained`: when keys that it got later were first seen.
    """

    kind: str
    namespace: str
    name: str
    addresses: tuple[str, ...]
    labels: Fields
    annotations: Fields
    owner: Owner | None = None
    host_ip: str = ""
    node: str = ""
    networks: dict[str, str] = {}
    noted: tuple[tuple[str, str], ...] = ()
    created: str = ""
    deleted: str = ""
    ended: bool = False
    host_network: bool = False
    ports: tuple[DeclaredPort, ...] = ()
    selector: Fields = {}
    since: int = 0
    seen: int = 0
    until: int = 0
    gained: dict[str, int] | None = None

    @property
    def standing(self) -> Standing:
        """The precedence of its claim to an address, independent of its kind."""
        if self.ended:
            return Standing.ENDED
        return Standing.TERMINATING if self.deleted else Standing.LIVING


def entry(obj: Object, options: IndexOptions) -> Entry | None:
    """The entry of a pod, node or service, None for other kinds.

    Texts that many objects share are interned. Raises msgspec.ValidationError when the object does
    not have the shape of its kind.
    """
    match obj.kind:
        case "Pod":
            return _pod(obj, options)
        case "Node":
            return _node(obj, options)
        case "Service":
            return _service(obj, options)
    return None


def _service(obj: Object, options: IndexOptions) -> Entry:
    spec = objects.part(obj.spec, objects.Spec)
    return Entry(
        **_common(obj, options),
        addresses=keys.service_addresses(spec),
        ports=_shared(tuple(map(_declared, spec.ports or ()))),
        selector=spec.selector or {},
        since=_created(obj),
    )


def _pod(obj: Object, options: IndexOptions) -> Entry:
    spec = objects.part(obj.spec, objects.Spec)
    status = objects.part(obj.status, objects.Status)
    noted = [keys.NETWORK_STATUS] if options.multus else []
    noted += [keys.POD_NETWORKS] if options.udn else []
    ended = status.phase in _ENDED
    containers = [*(spec.containers or ()), *(spec.init_containers or ())]
    return Entry(
        **_common(obj, options),
        addresses=keys.pod_addresses(spec, status),
        owner=controller(obj),
        host_ip=sys.intern(keys.host_address(status)),
        node=sys.intern(spec.node_name or ""),
        networks=_networks(obj.metadata.annotations or {}, options),
        noted=_noted(obj, *noted),
        ended=ended,
        host_network=bool(spec.host_network),
        ports=_shared(tuple(port for each in containers for port in _of_container(each))),
        **_times(obj, status, ended=ended),
    )


def _declared(one: objects.Port) -> DeclaredPort:
    return DeclaredPort(
        name=one.name or "",
        number=one.container_port or one.port or 0,
        protocol=one.protocol or "TCP",
        target=one.target_port or 0,
        host=one.host_port or one.node_port or 0,
    )


def _of_container(one: objects.Container) -> Iterator[DeclaredPort]:
    """The ports of a container, then those that only a probe names."""
    probes = (one.liveness_probe, one.readiness_probe, one.startup_probe)
    ways = [way for each in probes if each for way in (each.http_get, each.tcp_socket, each.grpc)]
    asked = {str(way.port) for way in ways if way and way.port}
    for port in map(_declared, one.ports or ()):
        names = {str(port.number), port.name} if port.protocol == "TCP" else set[str]()
        yield msgspec.structs.replace(port, probed=not asked.isdisjoint(names))
        asked -= names
    for text in sorted(asked):
        if text.isdecimal():
            yield DeclaredPort(name="", number=int(text), protocol="TCP", probed=True)


@lru_cache(maxsize=10_000)
def _shared(ports: tuple[DeclaredPort, ...]) -> tuple[DeclaredPort, ...]:
    """The same tuple for all pods of a workload."""
    return ports


def _times(obj: Object, status: objects.Status, *, ended: bool) -> _Times:
    """When a pod got its addresses, and when an ended pod lost them (ms, 0: unknown).

    The condition PodReadyToStartContainers changes with the pod's network; start and creation
    are only earlier bounds.
    """
    network, start = 0, milliseconds(status.start_time) or _created(obj)
    for condition in status.conditions or ():
        if condition.type == _NETWORK and condition.status == ("False" if ended else "True"):
            network = milliseconds(condition.last_transition_time)
    if ended:
        return {"since": start, "seen": 0, "until": network}
    return {"since": network or start, "seen": network, "until": 0}


def _created(obj: Object) -> int:
    return milliseconds(obj.metadata.creation_timestamp)


def milliseconds(text: str | None) -> int:
    """A time of the API (RFC 3339) in ms since 1970, 0 when it is missing."""
    try:
        return moment(text) if text else 0
    except ValueError:
        return 0


def moment(text: str) -> int:
    """A time of the API in ms since 1970. Raises ValueError when the text is not a time."""
    return round(datetime.fromisoformat(text).timestamp() * 1000)


def _node(obj: Object, options: IndexOptions) -> Entry:
    addresses = keys.node_addresses(objects.part(obj.status, objects.Status))
    host_ip = addresses[0] if addresses else ""
    if "ovn" in options.cni:
        addresses += keys.management_addresses(obj.metadata.annotations or {})
    return Entry(
        **_common(obj, options),
        addresses=addresses,
        host_ip=host_ip,
        node=obj.metadata.name,
        noted=_noted(obj, keys.NODE_SUBNETS),
        since=_created(obj),
    )


class _Times(TypedDict):
    since: int
    seen: int
    until: int


def _networks(annotations: Fields, options: IndexOptions) -> dict[str, str]:
    attachments = dict(keys.pod_attachments(annotations, options.multus)) if options.multus else {}
    networks = dict(keys.pod_networks(annotations)) if options.udn else {}
    return attachments | networks


def _noted(obj: Object, *names: str) -> tuple[tuple[str, str], ...]:
    annotations = obj.metadata.annotations or {}
    return tuple((name, annotations[name]) for name in names if name in annotations)


class _Common(TypedDict):
    kind: str
    namespace: str
    name: str
    labels: Fields
    annotations: Fields
    created: str
    deleted: str


def _common(obj: Object, options: IndexOptions) -> _Common:
    meta = obj.metadata
    return {
        "kind": sys.intern(obj.kind),
        "namespace": sys.intern(meta.namespace or ""),
        "name": meta.name,
        "labels": {sys.intern(k): sys.intern(v) for k, v in (meta.labels or {}).items()},
        "annotations": (meta.annotations or {}) if options.annotations else {},
        "created": sys.intern(meta.creation_timestamp or ""),
        "deleted": meta.deletion_timestamp or "",
    }
