"""AS numbers of networks, as FRRConfiguration objects advertise them.

Source: docs/reference/transforms.md#add_asn_label.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from pipeline.flows import cidr
from pipeline.flows.cidr import Network
from pipeline.kube.api.objects import Object

KIND = "FRRConfiguration"


def advertised(found: Iterable[Object]) -> list[tuple[Network, str]]:
    """The networks that routers advertise, with the router's own AS number.

    Of a network that several advertise, the object that comes first by namespace and name counts.
    What peers send, and their AS numbers, play no part.
    """
    kept = sorted((one for one in found if one.kind == KIND), key=_named)
    return [
        (network, str(router["asn"]))
        for one in kept
        for router in _routers(one)
        for text in _prefixes(router)
        if (network := cidr.network(text)) is not None
    ]


def _named(one: Object) -> tuple[str, str]:
    return one.metadata.namespace or "", one.metadata.name


def _routers(one: Object) -> Iterator[dict[str, Any]]:
    """The routers of an object that have an AS number."""
    for router in _list(_inside(msgspec.json.decode(one.spec), "bgp", "routers")):
        if isinstance(router, dict) and isinstance(router.get("asn"), int):
            yield router


def _prefixes(router: dict[str, Any]) -> Iterator[str]:
    """The router's own prefixes, then those that its neighbours are told."""
    yield from _texts(router.get("prefixes"))
    for neighbour in _list(router.get("neighbors")):
        yield from _texts(_inside(neighbour, "toAdvertise", "allowed", "prefixes"))


def _inside(value: Any, *path: str) -> Any:
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _texts(value: Any) -> Iterator[str]:
    return (one for one in _list(value) if isinstance(one, str))
