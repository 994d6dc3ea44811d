"""FlowMetric resources as an API server has them, and their status written back to it."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from typing import Any

import msgspec

from pipeline.flowmetric.spec import API_VERSION, KIND
from pipeline.kube.api.client import ClusterConnection
from pipeline.kube.api.reflector import Resource, Timing
from pipeline.kube.sync.feed import Feed
from pipeline.kube.sync.known import Known, Named
from pipeline.kube.sync.status import StatusWriter

RESOURCE = Resource(kind=KIND, version=API_VERSION, plural="flowmetrics")
_TIMING = Timing(most=5.0)
_decode = msgspec.json.Decoder(dict[str, Any]).decode


class FlowMetricFeed(Feed):
    """The FlowMetrics of some namespaces (none: of all), followed in threads of its own.

    `write` reports their status; without the right to, a problem says so.
    """

    def __init__(self, connection: ClusterConnection, namespaces: Iterable[str]) -> None:
        self._spaces = [
            _Space(connection, RESOURCE, namespace, _TIMING)
            for namespace in list(namespaces) or [""]
        ]
        self._statuses = StatusWriter(connection, RESOURCE)
        super().__init__(connection, self._spaces)

    def objects(self) -> list[dict[str, Any]]:
        """The present resources, the oldest first."""
        found = [one for space in self._spaces for one in space.objects()]
        return sorted(found, key=_age)

    def fingerprint(self) -> Hashable:
        """A value that changes with any metadata.generation, but not with a status."""
        return frozenset(map(_version, self.objects()))

    def write(self, statuses: Mapping[Named, Mapping[str, Any]]) -> None:
        """Report the status of resources, by namespace and name; returns at once."""
        present = [(one, statuses.get(_named(one))) for one in self.objects()]
        self._statuses.put([(one, status) for one, status in present if status is not None])

    def problems(self) -> list[str]:
        """The reasons why resources are out of date or a status is not written."""
        return [*super().problems(), *filter(None, [self._statuses.problem])]

    def close(self) -> None:
        """End its threads."""
        self._statuses.close()
        super().close()


class _Space(Known[dict[str, Any]]):
    """The resources of one namespace, or of all."""

    def read(self, raw: msgspec.Raw) -> tuple[Named, dict[str, Any]]:
        one = {"apiVersion": API_VERSION, "kind": KIND, **_decode(raw)}
        return _named(one), one


def _named(one: Mapping[str, Any]) -> Named:
    metadata = one["metadata"]
    return str(metadata.get("namespace", "")), str(metadata["name"])


def _age(one: Mapping[str, Any]) -> tuple[str, Named]:
    return str(one["metadata"].get("creationTimestamp", "")), _named(one)


def _version(one: Mapping[str, Any]) -> Hashable:
    metadata = one["metadata"]
    return _named(one), metadata.get("uid"), metadata.get("generation")
