"""Resources that outlive a plan: connections and watches, kept when another plan takes over."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Hashable, Iterable
from contextlib import suppress
from typing import Protocol, TypeVar, runtime_checkable


class Resource(Protocol):
    """Something that is closed at the end, and until then may have problems."""

    def close(self) -> None:
        """End it and its threads."""

    def problems(self) -> list[str]:
        """What is wrong with it now, for people."""


@runtime_checkable
class Monitored(Protocol):
    """A resource that is not ready at once, and has self-metrics."""

    def waiting(self) -> list[str]:
        """What it waits for before it can be used, for people."""

    def measure(self) -> Iterable[tuple[str, float, tuple[str, ...]]]:
        """Its self-metrics: name, value, labels."""


_COMBINED: dict[str, Callable[[list[float]], float]] = {
    "kube_synced": min,
    "kube_stale_seconds": max,
}
_Resource = TypeVar("_Resource", bound=Resource)


class ResourcePool:
    """Resources by key: made once, and closed when the plan that runs does not use them.

    Around the compilation of a plan: `begin`, then `settle` when the plan takes over, or `revert`
    when it is refused. Safe to read from other threads. `patience` is for how many seconds what is
    built waits for a server that does nothing but fail: a person may wait for the answer.
    """

    def __init__(self, patience: float = math.inf) -> None:
        self.patience = patience
        self._resources: dict[Hashable, Resource] = {}
        self._lock = threading.Lock()
        self._acquired: set[Hashable] = set()
        self._kept: set[Hashable] = set()

    def acquire(
        self, key: tuple[type[_Resource], Hashable], make: Callable[[], _Resource]
    ) -> _Resource:
        """The resource of a key (its type, and what tells it from others), made if need be.

        Raises what `make` raises.
        """
        with self._lock:
            self._acquired.add(key)
            found = self._resources.get(key)
            if not isinstance(found, key[0]):
                found = self._resources[key] = make()
            return found

    def begin(self) -> None:
        """A plan is about to be compiled: note which resources it acquires."""
        self._acquired = set()

    def settle(self) -> None:
        """The plan runs now: close the resources it did not acquire."""
        self._kept = self._acquired
        self._close(set(self._resources) - self._kept)

    def revert(self) -> None:
        """The plan was refused: close the resources that were made for it alone."""
        self._acquired = self._kept
        self._close(set(self._resources) - self._kept)

    def problems(self) -> list[str]:
        """What is wrong with any resource now."""
        with self._lock:
            resources = list(self._resources.values())
        return [problem for resource in resources for problem in resource.problems()]

    def waiting(self) -> list[str]:
        """What any resource waits for before it can be used."""
        return [text for resource in self._monitored() for text in resource.waiting()]

    def self_metrics(self) -> list[tuple[str, float, tuple[str, ...]]]:
        """The self-metrics of all resources: name, value, labels.

        Several resources may measure the same series: of readiness the least, of staleness the
        greatest is shown, and the rest is summed.
        """
        found: dict[tuple[str, tuple[str, ...]], list[float]] = {}
        for resource in self._monitored():
            for name, value, labels in resource.measure():
                found.setdefault((name, labels), []).append(value)
        return [
            (name, _COMBINED.get(name, sum)(values), labels)
            for (name, labels), values in found.items()
        ]

    def close(self) -> None:
        """Close every resource."""
        self._close(set(self._resources))

    def _monitored(self) -> list[Monitored]:
        with self._lock:
            return [one for one in self._resources.values() if isinstance(one, Monitored)]

    def _close(self, keys: Iterable[Hashable]) -> None:
        for key in keys:
            with self._lock:
                resource = self._resources.pop(key)
            with suppress(OSError):
                resource.close()
