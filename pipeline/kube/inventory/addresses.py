"""Texts in the place of an address that are none: of such an object, no flow is ever told."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pipeline.diagnostics import printable
from pipeline.kube.api import objects
from pipeline.kube.api.objects import Object
from pipeline.kube.index.keys import api_address

_SHOWN = 3
_LONGEST = 60
"""Characters of a text that are shown."""
_HEADLESS = "None"
_OF_MACHINES = frozenset({"InternalIP", "ExternalIP"})
Texts = Iterator[tuple[str, str | None]]
"""Fields and what is in them."""


def strange(one: Object) -> str:
    """The fields of a pod, node or service that have no address, with what they have; or "".

    Raises msgspec.ValidationError when the object does not have the shape of its kind.
    """
    found = [(field, text) for field, text in _texts(one) if text and not api_address(text)]
    shown = [f'{field} "{_short(text)}"' for field, text in found[:_SHOWN]]
    shown += [f"{len(found) - _SHOWN} more"] if found[_SHOWN:] else []
    if not shown:
        return ""
    place = "/".join(filter(None, (one.metadata.namespace, one.metadata.name)))
    no_address = "is not an address" if len(found) == 1 else "are not addresses"
    return f"{one.kind} {place}: {' and '.join(shown)} {no_address}"


def _texts(one: Object) -> Texts:
    match one.kind:
        case "Pod":
            status = objects.part(one.status, objects.Status)
            yield "status.podIP", status.pod_ip
            yield from _each("status.podIPs[{}].ip", (each.ip for each in status.pod_ips or ()))
            yield "status.hostIP", status.host_ip
            yield from _each("status.hostIPs[{}].ip", (each.ip for each in status.host_ips or ()))
        case "Node":
            listed = objects.part(one.status, objects.Status).addresses or ()
            texts = (each.address if each.type in _OF_MACHINES else "" for each in listed)
            yield from _each("status.addresses[{}].address", texts)
        case "Service":
            spec = objects.part(one.spec, objects.Spec)
            ips = [spec.cluster_ip or "", *(spec.cluster_ips or ())]
            first, *others = ("" if ip == _HEADLESS else ip for ip in ips)
            yield "spec.clusterIP", first
            yield from _each("spec.clusterIPs[{}]", others)


def _each(field: str, texts: Iterable[str]) -> Texts:
    return ((field.format(number), text) for number, text in enumerate(texts))


def _short(text: str) -> str:
    return printable(text if len(text) <= _LONGEST else f"{text[:_LONGEST]}...")
