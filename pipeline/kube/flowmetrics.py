"""FlowMetric resources as an API server has them, and their status written back to it."""

from __future__ import annotations

import threading
import time
from collections.abc import Hashable, Iterable, Mapping
from typing import Any

import msgspec

from pipeline.flowmetric.spec import API_VERSION, KIND
from pipeline.kube.connect import Connection
from pipeline.kube.reflector import Reflector, Resource, Timing
from pipeline.kube.status import Named, StatusWriter

RESOURCE = Resource(kind=KIND, version=API_VERSION, plural="flowmetrics")
_TIMING = Timing(most=5.0)
_STEP = 0.02
_decode = msgspec.json.Decoder(dict[str, Any]).decode


class FlowMetricFeed:
    """The FlowMetrics of some namespaces (none: of all), followed in threads of its own.

    `write` reports their status; without the right to, it is only said once.
    """

    def __init__(self, connection: Connection, namespaces: Iterable[str]) -> None:
        names = list(namespaces) or [""]
        self._spaces = {name: _Space() for name in names}
        self._reflectors = [
            Reflector(connection, RESOURCE, space, namespace=name, timing=_TIMING)
            for name, space in self._spaces.items()
        ]
        self._statuses = StatusWriter(connection, RESOURCE)
        for reflector in self._reflectors:
            reflector.start()

    def wait(self, seconds: float) -> bool:
        """Wait until every namespace was listed or refused; whether that happened in time."""
        until = time.monotonic() + seconds
        while not all(reflector.health.settled for reflector in self._reflectors):
            if time.monotonic() > until:
                return False
            time.sleep(_STEP)
        return True

    def objects(self) -> list[dict[str, Any]]:
        """The resources there are, the oldest first."""
        found = [one for space in self._spaces.values() for one in space.objects()]
        return sorted(found, key=_age)

    def origin(self) -> Hashable:
        """What changes with any metadata.generation: status does not count."""
        return frozenset(map(_version, self.objects()))

    def write(self, statuses: Mapping[Named, Mapping[str, Any]]) -> None:
        """Report the status of resources, by namespace and name; returns at once."""
        for one in self.objects():
            status = statuses.get(_named(one))
            if status is not None:
                self._statuses.put(one, status)

    def problems(self) -> list[str]:
        """What keeps it from being up to date, or from reporting."""
        stale = [
            f"flowmetrics of {r.namespace or 'the cluster'}: {r.health.error}"
            for r in self._reflectors
            if r.health.failing
        ]
        return [*stale, *filter(None, [self._statuses.problem])]

    def close(self) -> None:
        """End its threads."""
        for reflector in self._reflectors:
            reflector.stop()
        self._statuses.close()


class _Space:
    """The resources of one namespace, or of all: the sink of a reflector."""

    def __init__(self) -> None:
        self._objects: dict[Named, dict[str, Any]] = {}
        self._lock = threading.Lock()

    def objects(self) -> list[dict[str, Any]]:
        with self._lock:
            return list(self._objects.values())

    def listed(self, pages: Iterable[list[msgspec.Raw]], *, since: int, at: int) -> None:
        found = [_read(one) for page in pages for one in page]
        with self._lock:
            self._objects = {_named(one): one for one in found}

    def changed(self, one: msgspec.Raw, at: int) -> None:
        found = _read(one)
        with self._lock:
            self._objects[_named(found)] = found

    def deleted(self, one: msgspec.Raw, at: int) -> None:
        with self._lock:
            self._objects.pop(_named(_read(one)), None)


def _read(raw: msgspec.Raw) -> dict[str, Any]:
    return {"apiVersion": API_VERSION, "kind": KIND, **_decode(raw)}


def _named(one: Mapping[str, Any]) -> Named:
    metadata = one["metadata"]
    return str(metadata.get("namespace", "")), str(metadata["name"])


def _age(one: Mapping[str, Any]) -> tuple[str, Named]:
    return str(one["metadata"].get("creationTimestamp", "")), _named(one)


def _version(one: Mapping[str, Any]) -> Hashable:
    metadata = one["metadata"]
    return _named(one), metadata.get("uid"), metadata.get("generation")
