"""Feeds: reflectors that follow a cluster in threads, and say how they fare."""

from __future__ import annotations

import logging
import math
import threading
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

import msgspec

from pipeline.kube.api import grant
from pipeline.kube.api.client import ClusterConnection
from pipeline.kube.api.reflector import Reflector, Resource, Timing

_LOG = logging.getLogger(__name__)
_STEP = 0.02
_FORBIDDEN = "403"
_REMINDER = 5.0
"""Seconds between two checks while waiting, and between two log lines about it."""
Measure = tuple[str, float, tuple[str, ...]]
"""Name of a self-metric, value, labels."""


class Followed(ABC):
    """A resource of one namespace or of all: the sink of its reflector. `len`: objects known."""

    def __init__(
        self,
        connection: ClusterConnection,
        resource: Resource,
        namespace: str = "",
        timing: Timing | None = None,
    ) -> None:
        self.resource = resource
        self.namespace = namespace if resource.namespaced else ""
        self.name = f"{resource.plural} of {namespace}" if namespace else resource.plural
        self.invalid = 0
        self.reflector = Reflector(connection, resource, self, namespace=namespace, timing=timing)
        self.health = self.reflector.health

    @abstractmethod
    def __len__(self) -> int:
        """How many objects are known."""

    @abstractmethod
    def listed(self, pages: Iterable[list[msgspec.Raw]], *, since: int, at: int) -> None:
        """All objects there are, as in `Sink`."""

    @abstractmethod
    def changed(self, one: msgspec.Raw, at: int) -> None:
        """An object was added or has changed."""

    @abstractmethod
    def deleted(self, one: msgspec.Raw, at: int) -> None:
        """An object was deleted."""


class Feed:
    """Resources that are followed from now on; `problems`, `waiting` and `measure` say how."""

    def __init__(self, connection: ClusterConnection, followed: Iterable[Followed]) -> None:
        self._connection = connection
        self._followed = list(followed)
        for each in self._followed:
            each.reflector.start()

    def wait(
        self,
        seconds: float,
        stopping: threading.Event | None = None,
        patience: float = math.inf,
    ) -> bool:
        """Wait until every list was read or refused; whether that happened in time.

        Lists that have done nothing but fail for `patience` seconds are not waited for any longer.
        Raises InterruptedError when `stopping` is set meanwhile.
        """
        stopping = stopping or threading.Event()
        until, reminded = time.monotonic() + seconds, time.monotonic()
        while waiting := self.unlisted():
            now = time.monotonic()
            if now > until or self._failing() > patience:
                _LOG.warning("going on without %s", "; ".join(waiting))
                return False
            if now > reminded + _REMINDER:
                reminded = now
                _LOG.warning("waiting for the cluster: %s", "; ".join(waiting))
            if stopping.wait(_STEP):
                raise InterruptedError("stopped before the cluster was listed")
        return True

    def _failing(self) -> float:
        """For how many seconds all that is not listed yet has failed."""
        unsettled = [each.health for each in self._followed if not each.health.settled]
        return min((health.stale() for health in unsettled), default=0.0)

    def waiting(self) -> list[str]:
        """The resources that were not listed yet, and those that need a right, and how to give it.

        What may be missing on a cluster (`Resource.optional`) is not waited for.
        """
        return [*self.unlisted(), *self._forbidden()]

    def _forbidden(self) -> Iterator[str]:
        refused = [
            each
            for each in self._followed
            if each.health.code == _FORBIDDEN
            and not (each.health.synced or each.health.absent or each.resource.optional)
        ]
        if not refused:
            return
        first = refused[0].health.error
        text = f"not allowed to read {', '.join(each.name for each in refused)}: {first}"
        user = grant.user_of(first)
        wanted = [(each.resource.qualified, each.namespace) for each in refused]
        yield f"{text}; to allow it: {grant.commands(user, wanted)}" if user else text

    def unlisted(self) -> list[str]:
        """The resources that were neither listed nor refused yet."""
        return [
            f"{each.name}: not listed yet{f': {error}' if (error := each.health.error) else ''}"
            for each in self._followed
            if not each.health.settled
        ]

    def problems(self) -> list[str]:
        """The resources that may be out of date, with the time and the reason."""
        return [
            *self.unlisted(),
            *(
                f"{each.name}: {_since(each.health.contact)}: {each.health.error}"
                for each in self._followed
                if each.health.failing and each.health.settled
            ),
        ]

    def measure(self) -> Iterator[Measure]:
        """The self-metrics kube_*, per kind."""
        kinds: dict[str, list[Followed]] = {}
        for each in self._followed:
            kinds.setdefault(each.resource.kind, []).append(each)
        for kind, followed in kinds.items():
            yield "kube_synced", float(all(each.health.synced for each in followed)), (kind,)
            yield "kube_stale_seconds", max(each.health.stale() for each in followed), (kind,)
            yield "kube_objects", float(sum(map(len, followed))), (kind,)
            events, errors = Counter[str](), Counter[str]()
            for each in followed:
                events.update(dict(each.health.events))
                errors.update(dict(each.health.errors))
                errors.update({"object": each.invalid} if each.invalid else {})
            for what, count in events.items():
                yield "kube_events", float(count), (kind, what)
            for code, count in errors.items():
                yield "kube_errors", float(count), (kind, code)

    def close(self) -> None:
        """Stop the threads."""
        for each in self._followed:
            each.reflector.stop()
        self._connection.close()


def _since(contact: float) -> str:
    if not contact:
        return "never listed"
    return f"not current since {datetime.fromtimestamp(contact, UTC):%Y-%m-%dT%H:%M:%SZ}"
