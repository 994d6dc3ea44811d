"""One ConfigMap of a cluster: read when it is asked for, and watched for changes."""

from __future__ import annotations

import logging
from collections.abc import Hashable, Mapping
from typing import NamedTuple

import msgspec

from pipeline.kube.api import objects
from pipeline.kube.api.access import Access
from pipeline.kube.api.client import ClusterConnection
from pipeline.kube.api.errors import ApiError, ConnectError, UnreachableError
from pipeline.kube.api.reflector import Resource
from pipeline.timing.periodic import Periodic

_SECONDS = 3.0
"""Between two looks. Polled, as the right to get this one object is enough."""
_RESOURCE = Resource("ConfigMap", "v1", "configmaps")
_entries = msgspec.json.Decoder(dict[str, str] | None).decode
_log = logging.getLogger(__name__)


class ConfigMap(NamedTuple):
    """Where a ConfigMap is: a cluster, a namespace and a name."""

    access: Access
    namespace: str
    name: str

    @property
    def path(self) -> str:
        """Its path on the API server."""
        return f"{_RESOURCE.path(self.namespace)}/{self.name}"

    @property
    def title(self) -> str:
        """What it is called in messages."""
        return f"ConfigMap {self.namespace}/{self.name}"

    def entries(self, connection: ClusterConnection) -> Mapping[str, str]:
        """Its texts by their keys.

        Raises ApiError, ConnectError, UnreachableError and ValueError.
        """
        return _entries(objects.parse(connection.fetch(self.path)).data) or {}


class ConfigMapFeed:
    """Looks at a ConfigMap now and then, in a thread of its own; `fingerprint` says if it changed.

    `known` is what it had when it was read before.
    """

    def __init__(
        self,
        connection: ClusterConnection,
        place: ConfigMap,
        known: Mapping[str, str] | None = None,
        period: float = _SECONDS,
    ) -> None:
        self._connection, self._place = connection, place
        self._entries = known
        self._problem = ""
        self._watch = Periodic(f"the look at {place.title}", self._look, period)
        self._watch.start()

    def fingerprint(self) -> Hashable:
        """A value that changes with the texts."""
        return None if self._entries is None else frozenset(self._entries.items())

    def problems(self) -> list[str]:
        """Why it cannot be read now: what was read last is used."""
        return [self._problem] if self._problem else []

    def close(self) -> None:
        """End its thread and its connection."""
        self._watch.close(2.0)
        self._connection.close()

    def _look(self) -> None:
        try:
            self._entries = self._place.entries(self._connection)
        except (ApiError, ConnectError, UnreachableError, ValueError) as error:
            problem = f"{self._place.title}: {error}"
            if not self._problem:
                _log.warning("%s", problem)
            self._problem = problem
            return
        self._problem = ""
