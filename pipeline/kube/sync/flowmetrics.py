"""FlowMetric resources as an API server has them, and their status written back to it."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Mapping
from typing import Any

import msgspec

from pipeline.flowmetric.spec import API_VERSION, KIND
from pipeline.kube.api.client import ClusterConnection
from pipeline.kube.api.reflector import Reflector, Resource, Timing
from pipeline.kube.sync.index import Measure
from pipeline.kube.sync.status import Named, StatusWriter

RESOURCE = Resource(kind=KIND, version=API_VERSION, plural="flowmetrics")
_TIMING = Timing(most=5.0)
_STEP = 0.02
_LOG = logging.getLogger(__name__)
_decode = msgspec.json.Decoder(dict[str, Any]).decode


class FlowMetricFeed:
    """The FlowMetrics of some namespaces (none: of all), followed in threads of its own.

    `write` reports their status; without the right to, it is only said once.
    """

    def __init__(self, connection: ClusterConnection, namespaces: Iterable[str]) -> None:
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
        while waiting := self.waiting():
            if time.monotonic() > until:
                _LOG.warning("going on without %s", "; ".join(waiting))
                return False
            time.sleep(_STEP)
        return True

    def objects(self) -> list[dict[str, Any]]:
        """The resources there are, the oldest first."""
        found = [one for space in self._spaces.values() for one in space.objects()]
        return sorted(found, key=_age)

    def fingerprint(self) -> Hashable:
        """What changes with any metadata.generation: status does not count."""
        return frozenset(map(_version, self.objects()))

    def write(self, statuses: Mapping[Named, Mapping[str, Any]]) -> None:
        """Report the status of resources, by namespace and name; returns at once."""
        present = [(one, statuses.get(_named(one))) for one in self.objects()]
        self._statuses.put([(one, status) for one, status in present if status is not None])

    def waiting(self) -> list[str]:
        """What was never listed, nor refused."""
        return [
            f"{_called(one)}: not listed yet{f': {error}' if (error := one.health.error) else ''}"
            for one in self._reflectors
            if not one.health.settled
        ]

    def problems(self) -> list[str]:
        """What keeps it from being up to date, or from reporting."""
        stale = [f"{_called(r)}: {r.health.error}" for r in self._reflectors if r.health.failing]
        return [*stale, *filter(None, [self._statuses.problem])]

    def measure(self) -> Iterator[Measure]:
        """The self-metrics kube_* of this kind."""
        healths = [reflector.health for reflector in self._reflectors]
        yield "kube_synced", float(all(health.synced for health in healths)), (KIND,)
        yield "kube_stale_seconds", max(health.stale() for health in healths), (KIND,)
        yield "kube_objects", float(len(self.objects())), (KIND,)
        for what, count in sum((health.events for health in healths), Counter[str]()).items():
            yield "kube_events", float(count), (KIND, what)
        for code, count in sum((health.errors for health in healths), Counter[str]()).items():
            yield "kube_errors", float(count), (KIND, code)

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


def _called(reflector: Reflector) -> str:
    return f"flowmetrics of {reflector.namespace or 'the cluster'}"


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
