"""An index that follows an API server: changes that watches report are applied between batches."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Iterable

import msgspec

from pipeline import limits
from pipeline.kube.api import objects
from pipeline.kube.api.client import ClusterConnection
from pipeline.kube.api.errors import ApiError, ConnectError, UnreachableError
from pipeline.kube.api.objects import Object
from pipeline.kube.api.reflector import Resource, Timing
from pipeline.kube.index.entries import Entry, IndexOptions
from pipeline.kube.index.index import Index
from pipeline.kube.index.kept import NOTHING, Kept, Key, kept
from pipeline.kube.sync.feed import Feed, Followed

_LOG = logging.getLogger(__name__)
_APPLY_SECONDS = 0.5
"""The least time between two changes of an index: what follows a change costs by the change."""
_QUEUED = 100_000
"""Objects with changes that may wait for a batch before those that came and went are dropped."""
_ENDPOINTS_SECONDS = 60.0
_API_SERVER = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/kubernetes"
Change = tuple[Kept, int]
"""What is kept of an object from a moment on (ms)."""

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
    """The resources to watch for an index of these options, with owners followed this far."""
    return (*RESOURCES, *(FURTHER if further else ()), *(NETWORKS if options.udn else ()))


class Watch(Feed):
    """An index, and the threads that follow a cluster for it; they start at once.

    `namespaces` limits everything but nodes, none means all. The first flows `wait` for all lists,
    those that only fail for `patience`, both in seconds. `refresh` is called between batches
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
        patience: float = math.inf,
        timing: Timing | None = None,
    ) -> None:
        self.index = Index(options=options)
        self._queue = _Queue(self.index.knows)
        self._wait, self._patience = wait, patience
        self._waited = False
        self._applied = 0.0
        followed = [
            _Objects(connection, (resource, namespace), options, self._queue, timing)
            for resource in resources(options, further=further)
            for namespace in (list(namespaces) if resource.namespaced else []) or [""]
        ]
        self._endpoints: list[Object] = []
        self._endpoints_due = 0.0
        super().__init__(connection, followed)

    def endpoints(self) -> list[Object]:
        """The EndpointSlice of the API server, asked for once a minute.

        What was known of it stays when it cannot be read. It waits for an answer.
        """
        if time.monotonic() >= self._endpoints_due:
            self._endpoints_due = time.monotonic() + _ENDPOINTS_SECONDS
            try:
                one = objects.parse(self._connection.fetch(_API_SERVER))
                self._endpoints = [msgspec.structs.replace(one, kind="EndpointSlice")]
            except (ApiError, UnreachableError, ConnectError, ValueError) as error:
                _LOG.debug("the addresses of the API server are not known: %s", error)
        return self._endpoints

    def refresh(self, stopping: threading.Event | None = None) -> None:
        """Apply all waiting changes to the index; the first call waits for all lists.

        Raises InterruptedError when `stopping` is set meanwhile: nothing may be counted then.
        """
        if not self._waited:
            self.wait(self._wait, stopping, self._patience)
            self._waited = True
        elif time.monotonic() < self._applied + _APPLY_SECONDS:
            return
        now = self._connection.now()
        for key, changes in self._queue.take().items():
            for fresh, at in changes:
                self.index.put(key, fresh, at, now)
        self.index.expire(now)
        self._applied = time.monotonic()


class _Queue:
    """The changes that wait for the next batch, of each object in order.

    Coalesces changes that leave an object's addresses and keys alone. When full, drops objects that
    were added and removed since the last batch.
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
        """Drop the changes of objects that were added and removed since the last batch."""
        left = {
            key: changes[-1:]
            for key, changes in self._waiting.items()
            if changes[-1][0] or self._known(key)
        }
        if sum(map(len, self._waiting.values())) > len(left):
            limits.reached(
                f"more than {_QUEUED:,} objects of the cluster changed between two batches",
                "who had an address for a part of that time is not known",
            )
        self._waiting = left
        self._full = max(_QUEUED, 2 * len(left))


def _texts(one: Kept) -> tuple[str, ...]:
    return (*one.entry.addresses, *one.entry.networks) if one.entry else ()


class _Objects(Followed):
    """Objects of one resource, each reduced to what the index keeps."""

    def __init__(
        self,
        connection: ClusterConnection,
        what: tuple[Resource, str],
        options: IndexOptions,
        queue: _Queue,
        timing: Timing | None,
    ) -> None:
        self.known: dict[Key, Kept] = {}
        self._options = options
        self._queue = queue
        super().__init__(connection, *what, timing)

    def __len__(self) -> int:
        return len(self.known)

    def listed(self, pages: Iterable[list[msgspec.Raw]], *, since: int, at: int) -> None:
        before = set(self.known)
        for page in pages:
            before -= {self._put(one, at, watched=False) for one in page}
        for key in before:
            self._drop(key, since or at)

    def changed(self, one: msgspec.Raw, at: int) -> None:
        self._put(one, at, watched=True)

    def deleted(self, one: msgspec.Raw, at: int) -> None:
        if found := self._parsed(one):
            self._drop(_key(self.resource, found), at)

    def _parsed(self, raw: msgspec.Raw) -> objects.Object | None:
        """The object; one that is not valid as a whole is counted and costs no other."""
        try:
            return objects.parse(raw)
        except (msgspec.DecodeError, RecursionError) as error:
            self.invalid += 1
            _LOG.warning("an object among the %s is left out: %s", self.resource.plural, error)
            return None

    def _put(self, raw: msgspec.Raw, at: int, *, watched: bool) -> Key | None:
        one = self._parsed(raw)
        if one is None:
            return None
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
    """Set the times when an object got and lost its addresses and keys, as seen at `at`."""
    same = old is not None and old.addresses == fresh.addresses
    if old and (old.gained or old.networks != fresh.networks):
        before = {**dict.fromkeys(old.networks, 0), **(old.gained or {})}
        gained = {key: when for key in fresh.networks if (when := before.get(key, at))}
        fresh.gained = gained or None
    if not fresh.ended:
        fresh.seen = fresh.seen or (old.seen if old and same else at)
        return
    if old and same:
        fresh.since, fresh.seen = old.since, old.seen
    if not fresh.until and old:
        fresh.until = old.until or (at if watched and not old.ended else 0)
