"""The objects of a cluster as an inventory has them, followed."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from typing import Any

import msgspec

from pipeline.kube.api.client import ClusterConnection
from pipeline.kube.inventory.export import Manifest
from pipeline.kube.inventory.reduce import reduced
from pipeline.kube.inventory.snapshot import LISTED
from pipeline.kube.sync.feed import Feed, Followed

_Named = tuple[str, str]
_SECONDS = 15.0
"""The least time between two readings: what is made of all objects costs by their number."""


class ManifestFeed(Feed):
    """All objects that an inventory has, kept up to date in threads of its own.

    `namespaces` limits everything but nodes and namespaces, none means all.
    """

    def __init__(
        self, connection: ClusterConnection, namespaces: Iterable[str] = (), *, wait: float = 60.0
    ) -> None:
        spaces = list(namespaces)
        self._kept = [
            _Reduced(connection, resource, namespace)
            for resource in LISTED
            for namespace in (spaces if resource.namespaced else []) or [""]
        ]
        self._wait = wait
        self._taken: list[int] | None = None
        self._due = 0.0
        super().__init__(connection, self._kept)

    def refresh(self, stopping: threading.Event | None = None) -> list[Manifest] | None:
        """All present objects, None where they are those of the last call.

        The first call waits for all lists. Raises InterruptedError when `stopping` is set
        meanwhile.
        """
        if self._taken is None:
            self.wait(self._wait, stopping)
        elif time.monotonic() < self._due:
            return None
        self._due = time.monotonic() + _SECONDS
        changes = [each.changes for each in self._kept]
        if changes == self._taken:
            return None
        self._taken = changes
        return [one for each in self._kept for one in each.objects()]


class _Reduced(Followed):
    """The objects of a resource (of a namespace). `changes` counts what has changed in them."""

    def __init__(self, *what: Any) -> None:
        self._objects: dict[_Named, Manifest] = {}
        self._lock = threading.Lock()
        self.changes = 0
        super().__init__(*what)

    def __len__(self) -> int:
        return len(self._objects)

    def objects(self) -> list[Manifest]:
        with self._lock:
            return list(self._objects.values())

    def listed(self, pages: Iterable[list[msgspec.Raw]], *, since: int, at: int) -> None:
        found = {_named(one): one for page in pages for one in map(self._read, page)}
        with self._lock:
            self.changes += found != self._objects
            self._objects = found

    def changed(self, one: msgspec.Raw, at: int) -> None:
        found = self._read(one)
        with self._lock:
            if self._objects.get(_named(found)) != found:
                self.changes += 1
                self._objects[_named(found)] = found

    def deleted(self, one: msgspec.Raw, at: int) -> None:
        with self._lock:
            if self._objects.pop(_named(self._read(one)), None):
                self.changes += 1

    def _read(self, raw: msgspec.Raw) -> Manifest:
        one = msgspec.json.decode(raw)
        return reduced(self.resource.version, self.resource.kind, one, annotations=False)


def _named(one: Manifest) -> _Named:
    return one["metadata"].get("namespace", ""), one["metadata"]["name"]
