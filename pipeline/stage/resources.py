"""What outlives a plan: connections and watches, kept when a plan takes another's place."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Iterable
from contextlib import suppress
from typing import Protocol, TypeVar, runtime_checkable


class Resource(Protocol):
    """Anything that ends, and until then may have problems."""

    def close(self) -> None:
        """End it, and the threads it has."""

    def problems(self) -> list[str]:
        """What is wrong with it now, for people."""


@runtime_checkable
class Monitored(Protocol):
    """A closable that must come up to date before it is of use, and measures itself."""

    def waiting(self) -> list[str]:
        """What it waits for before it can be used, for people."""

    def measure(self) -> Iterable[tuple[str, float, tuple[str, ...]]]:
        """Its self-metrics: name, value, labels."""


_COMBINED: dict[str, Callable[[list[float]], float]] = {
    "kube_synced": min,
    "kube_stale_seconds": max,
}
_Thing = TypeVar("_Thing", bound=Resource)


class ResourcePool:
    """Things made once by key, and closed when the plan no longer asks for them."""

    def __init__(self) -> None:
        self._things: dict[Hashable, Resource] = {}
        self._lock = threading.Lock()
        self._asked: set[Hashable] = set()
        self._kept: set[Hashable] = set()

    def acquire(self, key: tuple[type[_Thing], Hashable], make: Callable[[], _Thing]) -> _Thing:
        """The thing of a key (its type, and what tells it from others), made if need be."""
        with self._lock:
            self._asked.add(key)
            found = self._things.get(key)
            if not isinstance(found, key[0]):
                found = self._things[key] = make()
            return found

    def begin(self) -> None:
        """A plan is going to be compiled: what it asks for is noted."""
        self._asked = set()

    def settle(self) -> None:
        """It runs now: what it did not ask for is closed."""
        self._kept = self._asked
        self._close(set(self._things) - self._kept)

    def revert(self) -> None:
        """It was refused: what was made for it alone is closed."""
        self._asked = self._kept
        self._close(set(self._things) - self._kept)

    def problems(self) -> list[str]:
        """What is wrong with any of them now."""
        with self._lock:
            things = list(self._things.values())
        return [problem for thing in things for problem in thing.problems()]

    def waiting(self) -> list[str]:
        """What any of them waits for before it can be used."""
        return [text for thing in self._observed() for text in thing.waiting()]

    def self_metrics(self) -> list[tuple[str, float, tuple[str, ...]]]:
        """The self-metrics of all of them: name, value, labels.

        Several things may measure the same: what one of them waits for or lacks shows, the rest is
        summed.
        """
        found: dict[tuple[str, tuple[str, ...]], list[float]] = {}
        for thing in self._observed():
            for name, value, labels in thing.measure():
                found.setdefault((name, labels), []).append(value)
        return [
            (name, _COMBINED.get(name, sum)(values), labels)
            for (name, labels), values in found.items()
        ]

    def close(self) -> None:
        """Close everything."""
        self._close(set(self._things))

    def _observed(self) -> list[Monitored]:
        with self._lock:
            return [thing for thing in self._things.values() if isinstance(thing, Monitored)]

    def _close(self, keys: Iterable[Hashable]) -> None:
        for key in keys:
            with self._lock:
                thing = self._things.pop(key)
            with suppress(OSError):
                thing.close()
