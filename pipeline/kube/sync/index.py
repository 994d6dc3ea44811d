"""An index kept fresh by an API server: what the watches tell is applied between batches."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime

import msgspec

from pipeline.kube.api import objects
from pipeline.kube.api.client import ClusterConnection
from pipeline.kube.api.reflector import Reflector, Resource, Timing
from pipeline.kube.index.entries import Entry, IndexOptions
from pipeline.kube.index.index import NOTHING, Index, Kept, Key, kept

_LOG = logging.getLogger(__name__)
_APPLY_SECONDS = 0.5
"""The least time between two changes of an index: what follows a change costs by the change."""
_STEP = 0.02
_REMINDER = 5.0
_QUEUED = 100_000
"""Objects with changes that may wait for a batch before those that came and went are dropped."""
Change = tuple[Kept, int]
"""What is kept of an object from a moment on (ms)."""
Measure = tuple[str, float, tuple[str, ...]]
"""Name of a self-metric, value, labels."""

RESOURCES = (
    Resource("Node", "v1", "nodes", namespaced=False),
    Resource("Service", "v1", "services"),
    Resource("ReplicaSet", "apps/v1", "replicasets", metadata_only=True),
    Resource("Deployment", "apps/v1", "deployments", metadata_only=True),
    Resource("Pod", "v1", "pods"),
)
FURTHER = (
    Resource("Job", "batch/v1", "jobs", metadata_only=True),
    Resource("ReplicationController", "v1", "replicationcontrollers", metadata_only=True),
    Resource(
        *("VirtualMachineInstance", "kubevirt.io/v1", "virtualmachineinstances"),
        metadata_only=True,
        optional=True,
    ),
)
NETWORKS = (
    Resource(
        *("UserDefinedNetwork", "k8s.ovn.org/v1", "userdefinednetworks"),
        metadata_only=True,
        optional=True,
    ),
    Resource(
        *("ClusterUserDefinedNetwork", "k8s.ovn.org/v1", "clusteruserdefinednetworks"),
        namespaced=False,
        metadata_only=True,
        optional=True,
    ),
)


def resources(options: IndexOptions, *, further: bool) -> tuple[Resource, ...]:
    """What must be watched for an index of these options, and owners climbed this far."""
    return (*RESOURCES, *(FURTHER if further else ()), *(NETWORKS if options.udn else ()))


class Watch:
    """An index, and the threads that tell it what a cluster does; they start at once.

    `namespaces` limits everything but nodes, none means all. `refresh` is called between batches
    (or while none is under way), by one thread at a time: only then the index changes.
    """

    def __init__(
        self,
        connection: ClusterConnection,
        options: IndexOptions,
        *,
        namespaces: Iterable[str] = (),
        further: bool = False,
        wait: float = 60.0,
        timing: Timing | None = None,
    ) -> None:
        self.index = Index(options=options)
        self._connection = connection
        self._queue = _Queue(self.index.knows)
        self._wait = wait
        self._waited = False
        self._applied = 0.0
        self._followed = [
            _Followed(connection, (resource, namespace), options, self._queue, timing)
            for resource in resources(options, further=further)
            for namespace in (list(namespaces) if resource.namespaced else []) or [""]
        ]
        for one in self._followed:
            one.reflector.start()

    def refresh(self, stopping: threading.Event | None = None) -> None:
        """Bring the index up to date, at once and whole; at first, wait for all the lists.

        Raises InterruptedError when `stopping` is set meanwhile: nothing may be counted then.
        """
        if not self._waited:
            self.wait(self._wait, stopping)
            self._waited = True
        elif time.monotonic() < self._applied + _APPLY_SECONDS:
            return
        now = self._connection.now()
        for key, changes in self._queue.take().items():
            for fresh, at in changes:
                self.index.put(key, fresh, at, now)
        self.index.expire(now)
        self._applied = time.monotonic()

    def wait(self, seconds: float, stopping: threading.Event | None = None) -> bool:
        """Wait until every list was read or refused; whether that happened in time.

        Raises InterruptedError when `stopping` is set meanwhile.
        """
        stopping = stopping or threading.Event()
        until, reminded = time.monotonic() + seconds, time.monotonic()
        while self.waiting():
            now = time.monotonic()
            if now > until:
                _LOG.warning("going on without %s", "; ".join(self.waiting()))
                return False
            if now > reminded + _REMINDER:
                reminded = now
                _LOG.warning("waiting for the cluster: %s", "; ".join(self.waiting()))
            if stopping.wait(_STEP):
                raise InterruptedError("stopped before the cluster was listed")
        return True

    def waiting(self) -> list[str]:
        """What was never listed, nor refused."""
        return [
            f"{one.name}: not listed yet{f': {error}' if (error := one.health.error) else ''}"
            for one in self._followed
            if not one.health.settled
        ]

    def problems(self) -> list[str]:
        """What may be out of date, since when, and why."""
        return [
            *self.waiting(),
            *(
                f"{one.name}: {_since(one.health.contact)}: {one.health.error}"
                for one in self._followed
                if one.health.failing and one.health.settled
            ),
        ]

    def measure(self) -> Iterator[Measure]:
        """The self-metrics kube_*, per kind."""
        for kind in dict.fromkeys(one.resource.kind for one in self._followed):
            found = [one for one in self._followed if one.resource.kind == kind]
            yield "kube_synced", float(all(one.health.synced for one in found)), (kind,)
            yield "kube_stale_seconds", max(one.health.stale() for one in found), (kind,)
            yield "kube_objects", float(sum(len(one.known) for one in found)), (kind,)
            events, errors = Counter[str](), Counter[str]()
            for one in found:
                events.update(dict(one.health.events))
                errors.update(dict(one.health.errors))
                errors.update({"object": one.invalid} if one.invalid else {})
            for what, count in events.items():
                yield "kube_events", float(count), (kind, what)
            for code, count in errors.items():
                yield "kube_errors", float(count), (kind, code)

    def close(self) -> None:
        """End the threads."""
        for one in self._followed:
            one.reflector.stop()
        self._connection.close()


class _Queue:
    """The changes that wait for the next batch, of each object in order.

    Of changes that leave its addresses and keys alone only the last is kept; while no batch comes,
    so much that an index would know all that is there.
    """

    def __init__(self, known: Callable[[Key], bool]) -> None:
        self._known = known
        self._waiting: dict[Key, list[Change]] = {}
        self._full = _QUEUED
        self._lock = threading.Lock()

    def put(self, key: Key, fresh: Kept, at: int) -> None:
        with self._lock:
            changes = self._waiting.setdefault(key, [])
            if changes and _texts(changes[-1][0]) == _texts(fresh):
                changes.pop()
            changes.append((fresh, at))
            if len(self._waiting) > self._full:
                self._shrink()

    def take(self) -> dict[Key, list[Change]]:
        with self._lock:
            taken, self._waiting = self._waiting, {}
            self._full = _QUEUED
        return taken

    def _shrink(self) -> None:
        """Forget what came and went."""
        self._waiting = {
            key: changes[-1:]
            for key, changes in self._waiting.items()
            if changes[-1][0] or self._known(key)
        }
        self._full = max(_QUEUED, 2 * len(self._waiting))


def _texts(one: Kept) -> tuple[str, ...]:
    return (*one.entry.addresses, *one.entry.networks) if one.entry else ()


class _Followed:
    """A resource of one namespace or of all: the sink of its reflector."""

    def __init__(
        self,
        connection: ClusterConnection,
        what: tuple[Resource, str],
        options: IndexOptions,
        queue: _Queue,
        timing: Timing | None,
    ) -> None:
        resource, namespace = what
        self.resource = resource
        self.name = f"{resource.plural} of {namespace}" if namespace else resource.plural
        self.known: dict[Key, Kept] = {}
        self.invalid = 0
        self._options = options
        self._queue = queue
        self.reflector = Reflector(
            connection, resource, self, namespace=namespace, timing=timing or Timing()
        )
        self.health = self.reflector.health

    def listed(self, pages: Iterable[list[msgspec.Raw]], *, since: int, at: int) -> None:
        before = set(self.known)
        for page in pages:
            before -= {self._put(one, at, watched=False) for one in page}
        for key in before:
            self._drop(key, since or at)

    def changed(self, one: msgspec.Raw, at: int) -> None:
        self._put(one, at, watched=True)

    def deleted(self, one: msgspec.Raw, at: int) -> None:
        self._drop(_key(self.resource, objects.parse(one)), at)

    def _put(self, raw: msgspec.Raw, at: int, *, watched: bool) -> Key:
        one = objects.parse(raw)
        key = _key(self.resource, one)
        try:
            fresh = kept(msgspec.structs.replace(one, kind=self.resource.kind), self._options)
        except msgspec.ValidationError as error:
            self.invalid += 1
            _LOG.warning("%s %s/%s is left as it was: %s", *key, error)
            return key
        old = self.known.get(key, NOTHING)
        if fresh.entry:
            _stamp(fresh.entry, old.entry, at, watched=watched)
        if fresh != old:
            self.known[key] = fresh
            self._queue.put(key, fresh, at)
        return key

    def _drop(self, key: Key, at: int) -> None:
        if self.known.pop(key, None):
            self._queue.put(key, NOTHING, at)


def _key(resource: Resource, one: objects.Object) -> Key:
    return resource.kind, one.metadata.namespace or "", one.metadata.name


def _stamp(fresh: Entry, old: Entry | None, at: int, *, watched: bool) -> None:
    """Note what the moment says about when the object got its addresses and keys, and lost them."""
    same = old is not None and old.addresses == fresh.addresses
    if old and (old.gained or old.networks != fresh.networks):
        before = {**dict.fromkeys(old.networks, 0), **(old.gained or {})}
        gained = {key: when for key in fresh.networks if (when := before.get(key, at))}
        fresh.gained = gained or None
    if fresh.claim[0]:
        fresh.seen = fresh.seen or (old.seen if old and same else at)
        return
    if old and same:
        fresh.since, fresh.seen = old.since, old.seen
    if not fresh.until and old:
        fresh.until = old.until or (at if watched and old.claim[0] else 0)


def _since(contact: float) -> str:
    if not contact:
        return "never listed"
    return f"not current since {datetime.fromtimestamp(contact, UTC):%Y-%m-%dT%H:%M:%SZ}"
