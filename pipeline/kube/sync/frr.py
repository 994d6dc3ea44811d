"""FRRConfiguration objects as an API server has them; a cluster may not know this kind."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Any

import msgspec

from pipeline.flows.cidr import Network
from pipeline.kube.api import objects
from pipeline.kube.api.client import ClusterConnection
from pipeline.kube.api.objects import Object
from pipeline.kube.api.reflector import Resource, Timing
from pipeline.kube.frr import KIND, advertised
from pipeline.kube.sync.feed import Feed, Followed

RESOURCE = Resource(KIND, "frrk8s.metallb.io/v1beta1", "frrconfigurations", optional=True)
_TIMING = Timing(most=10.0)


class FrrFeed(Feed):
    """The networks that a cluster's routers advertise, followed in threads of its own."""

    def __init__(self, connection: ClusterConnection) -> None:
        self._configurations = _Configurations(connection, RESOURCE, "", _TIMING)
        super().__init__(connection, [self._configurations])

    def advertised(self) -> list[tuple[Network, str]]:
        """The networks with their AS numbers, as they are now."""
        return advertised(self._configurations.objects())

    def fingerprint(self) -> Hashable:
        """A value that changes with the networks."""
        return tuple(self.advertised())


class _Configurations(Followed):
    """The objects of all namespaces."""

    def __init__(self, *what: Any) -> None:
        self._objects: dict[tuple[str, str], Object] = {}
        super().__init__(*what)

    def __len__(self) -> int:
        return len(self._objects)

    def objects(self) -> list[Object]:
        return list(self._objects.values())

    def listed(self, pages: Iterable[list[msgspec.Raw]], *, since: int, at: int) -> None:
        self._objects = {_named(one): one for page in pages for one in map(_read, page)}

    def changed(self, one: msgspec.Raw, at: int) -> None:
        found = _read(one)
        self._objects = {**self._objects, _named(found): found}

    def deleted(self, one: msgspec.Raw, at: int) -> None:
        gone = _named(_read(one))
        self._objects = {name: kept for name, kept in self._objects.items() if name != gone}


def _read(raw: msgspec.Raw) -> Object:
    return msgspec.structs.replace(objects.parse(raw), kind=KIND)


def _named(one: Object) -> tuple[str, str]:
    return one.metadata.namespace or "", one.metadata.name
