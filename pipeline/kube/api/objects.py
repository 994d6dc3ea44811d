"""Kubernetes objects as the API prints them, reduced to what the engine reads.

The other parts of an object are ignored by the decoder. `spec` and `status` stay raw until the
kind determines their shape, so custom resources of any shape are accepted.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, ClassVar, TypeVar

import msgspec

from pipeline.yaml.validate import in_words

Fields = dict[str, str]
SERVICE_NAME = "kubernetes.io/service-name"
"""The label of an EndpointSlice that names its Service."""
_EMPTY = msgspec.Raw(b"null")
_Part = TypeVar("_Part", "Spec", "Status")
_Shape = TypeVar("_Shape")


class Owner(msgspec.Struct, frozen=True):
    """The object that controls another one in the same namespace: kind and name."""

    kind: str
    name: str


class OwnerReference(msgspec.Struct, frozen=True):
    """One of `metadata.ownerReferences`; at most one of them has `controller: true`."""

    kind: str
    name: str
    controller: bool | None = None


class Metadata(msgspec.Struct, frozen=True, rename="camel"):
    """`metadata` of any object."""

    name: str = ""
    namespace: str | None = None
    labels: Fields | None = None
    annotations: Fields | None = None
    owner_references: list[OwnerReference] | None = None
    creation_timestamp: str | None = None
    deletion_timestamp: str | None = None


class Object(msgspec.Struct, frozen=True, rename="camel"):
    """Any object. Only a ConfigMap has `data`, only a list has `items`.

    `subsets` holds the addresses of an Endpoints, `endpoints` those of an EndpointSlice and `ports`
    their ports.
    """

    kind: str = ""
    api_version: str | None = None
    metadata: Metadata = Metadata()
    spec: msgspec.Raw = _EMPTY
    status: msgspec.Raw = _EMPTY
    data: msgspec.Raw = _EMPTY
    subsets: msgspec.Raw = _EMPTY
    endpoints: msgspec.Raw = _EMPTY
    ports: msgspec.Raw = _EMPTY
    items: msgspec.Raw = _EMPTY


class Port(msgspec.Struct, frozen=True, rename="camel"):
    """One of the ports of a container (`container_port`) or of a Service (`port`)."""

    name: str | None = None
    protocol: str | None = None
    container_port: int | None = None
    host_port: int | None = None
    port: int | None = None
    target_port: int | str | None = None
    node_port: int | None = None


class Action(msgspec.Struct, frozen=True):
    """What a probe does: it asks a port, by number or by name."""

    port: int | str | None = None


class Probe(msgspec.Struct, frozen=True, rename="camel"):
    """One of the probes by which a kubelet asks if a container lives, is ready or has begun."""

    http_get: Action | None = None
    tcp_socket: Action | None = None
    grpc: Action | None = None


class Container(msgspec.Struct, frozen=True, rename="camel"):
    """One of a pod's `spec.containers`."""

    ports: list[Port] | None = None
    liveness_probe: Probe | None = None
    readiness_probe: Probe | None = None
    startup_probe: Probe | None = None


class Endpoint(msgspec.Struct, frozen=True):
    """One of the `endpoints` of an EndpointSlice."""

    addresses: list[str] | None = None


class Spec(msgspec.Struct, frozen=True):
    """`spec` of a Pod or a Service."""

    field: ClassVar[str] = "spec"
    node_name: str | None = msgspec.field(default=None, name="nodeName")
    host_network: bool | None = msgspec.field(default=None, name="hostNetwork")
    cluster_ips: list[str] | None = msgspec.field(default=None, name="clusterIPs")
    cluster_ip: str | None = msgspec.field(default=None, name="clusterIP")
    containers: list[Container] | None = None
    init_containers: list[Container] | None = msgspec.field(default=None, name="initContainers")
    ports: list[Port] | None = None
    selector: Fields | None = None


class PodAddress(msgspec.Struct, frozen=True):
    """One of `status.podIPs` or `status.hostIPs`."""

    ip: str = ""


class NodeAddress(msgspec.Struct, frozen=True):
    """One of a node's `status.addresses`: a host name, or the address of a network."""

    address: str = ""
    type: str = ""


class Condition(msgspec.Struct, frozen=True, rename="camel"):
    """One of a pod's `status.conditions`."""

    type: str = ""
    status: str = ""
    last_transition_time: str | None = None


class Status(msgspec.Struct, frozen=True):
    """`status` of a Pod or a Node."""

    field: ClassVar[str] = "status"
    phase: str | None = None
    start_time: str | None = msgspec.field(default=None, name="startTime")
    conditions: list[Condition] | None = None
    host_ip: str | None = msgspec.field(default=None, name="hostIP")
    host_ips: list[PodAddress] | None = msgspec.field(default=None, name="hostIPs")
    pod_ip: str | None = msgspec.field(default=None, name="podIP")
    pod_ips: list[PodAddress] | None = msgspec.field(default=None, name="podIPs")
    addresses: list[NodeAddress] | None = None


def part(raw: msgspec.Raw, form: type[_Part]) -> _Part:
    """A raw part of an object as `form`; an absent part or null gives an empty `form`.

    Raises msgspec.ValidationError, which names the field, when the part has another shape.
    """
    decoded = _checked(_decoder(form).decode, raw, form.field)
    return form() if decoded is None else decoded


@cache
def _decoder(form: type[_Part]) -> msgspec.json.Decoder[_Part | None]:
    return msgspec.json.Decoder(form | None)


_decode = msgspec.json.Decoder(Object).decode
_decode_list = msgspec.json.Decoder(list[Object]).decode
_decode_items = msgspec.json.Decoder(list[msgspec.Raw] | None).decode


def parse(text: bytes | str) -> Object:
    """An object from JSON. Raises msgspec.DecodeError (a ValueError), which names the field."""
    return _checked(_decode, text)


def called(text: bytes | str | msgspec.Raw) -> str:
    """The kind and name in JSON that is no object; "" where it has none."""
    try:
        found = msgspec.json.decode(text)
    except (ValueError, RecursionError):
        return ""
    meta = found.get("metadata") if isinstance(found, dict) else None
    names = [
        one.get(key) for one, key in ((found, "kind"), (meta, "name")) if isinstance(one, dict)
    ]
    return " ".join(name for name in names if isinstance(name, str))


def _checked(
    decode: Callable[[Any], _Shape], text: bytes | str | msgspec.Raw, part: str = ""
) -> _Shape:
    """What `decode` makes of it. Raises msgspec.ValidationError in plain words."""
    try:
        return decode(text)
    except msgspec.ValidationError as error:
        raise msgspec.ValidationError(in_words(error, part)) from None


def packed(some: Sequence[Object]) -> bytes:
    """Objects that are kept for whoever asks next: a few percent of what they take. See unpacked.

    They are compressed JSON: as objects, they would keep all of the text that they came from.
    """
    return zlib.compress(msgspec.json.encode(some), level=1)


def unpacked(content: bytes) -> list[Object]:
    """The objects of packed()."""
    return _decode_list(zlib.decompress(content))


def of(document: object) -> Object:
    """An object from plain Python values.

    Raises ValueError or TypeError when they do not have the shape of an object.
    """
    return parse(msgspec.json.encode(document))


def items(obj: Object) -> list[msgspec.Raw] | None:
    """The JSON texts in a list (kind List, PodList, ...), None when `obj` is not a list.

    Raises msgspec.ValidationError when `items` is not a list.
    """
    if not obj.kind.endswith("List"):
        return None
    return _checked(_decode_items, obj.items, "items") or []
