"""One resource synchronised with an API server: a list, then a watch from where it ended.

The resource may be of any kind, also a custom one. The sink gets the objects as JSON text and
interprets them. The reflector reads pages and bookmarks, and resumes watches. It lists again when
the server does not know the version any more or was unreachable (its data may differ then).
Pauses after failures grow exponentially, with jitter.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple, Protocol

import msgspec

from pipeline.kube.api.client import ClusterConnection
from pipeline.kube.api.errors import ApiError, CredentialsError, UnreachableError

if TYPE_CHECKING:
    import urllib3

_LOG = logging.getLogger(__name__)
PAGE = 500
"""Objects per page of a list."""
_MOST_PAGES = 4_000
"""Pages of a list: some millions of objects are more than a cluster has."""
_LONGEST_LINE = 1 << 25
"""Bytes of an event of a watch: an API server stores objects of a few megabytes at most."""

_CREDENTIALS = 2.0
"""The longest pause without credentials in seconds; reading them has its own backoff."""
_GONE, _NOT_FOUND = 410, 404


class Resource(NamedTuple):
    """A resource of the API. `metadata_only`: neither spec nor status is fetched.

    A server may not know an `optional` resource, which then has no objects.
    """

    kind: str
    version: str
    plural: str
    namespaced: bool = True
    metadata_only: bool = False
    optional: bool = False

    def path(self, namespace: str = "") -> str:
        """The path of the list; an empty namespace means all namespaces."""
        root = "/apis/" if "/" in self.version else "/api/"
        inside = f"/namespaces/{namespace}" if namespace and self.namespaced else ""
        return f"{root}{self.version}{inside}/{self.plural}"

    @property
    def qualified(self) -> str:
        """Its name for kubectl: the plural, with the API group where it has one."""
        return ".".join(filter(None, (self.plural, self.version.rpartition("/")[0])))

    def accept(self, form: str) -> str:
        """The Accept header for a list or, with an empty form, for the objects of a watch."""
        if not self.metadata_only:
            return "application/json"
        return f"application/json;as=PartialObjectMetadata{form};g=meta.k8s.io;v=v1"


class Sink(Protocol):
    """Receives the objects of a reflector, in its thread. Times are ms of the server's clock."""

    def listed(self, pages: Iterable[list[msgspec.Raw]], *, since: int, at: int) -> None:
        """All present objects at `at`; missing ones were deleted after `since` (0: never listed).

        The sink reads all pages. Exceptions of `pages` pass through, and then no object counts as
        deleted.
        """

    def changed(self, one: msgspec.Raw, at: int) -> None:
        """An object was added or has changed."""

    def deleted(self, one: msgspec.Raw, at: int) -> None:
        """An object was deleted."""


class Timing(msgspec.Struct, frozen=True):
    """Times in seconds. `silence`: the read timeout of a watch (bookmarks come every minute).

    `watch`: the longest time the server is asked to keep a watch open (the shortest is half of
    it). `first` and `most`: the shortest and the longest pause after failures.
    """

    silence: float = 100.0
    watch: float = 480.0
    first: float = 0.5
    most: float = 30.0


class Health(msgspec.Struct):
    """The health of a reflector; times are local, in seconds.

    `contact`: the time of the last response. `failing`: the time since when requests fail, 0 while
    they succeed.
    """

    synced: bool = False
    absent: bool = False
    contact: float = 0.0
    failing: float = 0.0
    error: str = ""
    code: str = ""
    events: Counter[str] = msgspec.field(default_factory=Counter)
    errors: Counter[str] = msgspec.field(default_factory=Counter)

    @property
    def settled(self) -> bool:
        """Whether the first list is complete, or the server refuses it."""
        return self.synced or (bool(self.failing) and self.code in {"401", "403", "404"})

    def stale(self) -> float:
        """Seconds since changes may have been missed, 0 while a watch is open."""
        return max(0.0, time.time() - (self.contact or self.failing)) if self.failing else 0.0


class _Meta(msgspec.Struct, frozen=True, rename="camel"):
    resource_version: str = ""
    continue_: str = msgspec.field(default="", name="continue")


class _Head(msgspec.Struct, frozen=True):
    metadata: _Meta = _Meta()
    message: str = ""
    code: int = 0


class _Page(msgspec.Struct, frozen=True):
    metadata: _Meta = _Meta()
    items: list[msgspec.Raw] | None = None


class _Event(msgspec.Struct, frozen=True):
    type: str
    object: msgspec.Raw


_page = msgspec.json.Decoder(_Page).decode
_event = msgspec.json.Decoder(_Event).decode
_head = msgspec.json.Decoder(_Head).decode


def pages(
    connection: ClusterConnection,
    resource: Resource,
    namespace: str = "",
    ended: list[str] | None = None,
) -> Iterator[list[msgspec.Raw]]:
    """The present objects, page by page; after the last one, `ended` gets the list's version.

    Raises the errors of `ClusterConnection.request`, and msgspec.DecodeError.
    """
    query: dict[str, str | int] = {"limit": PAGE}
    headers = {"Accept": resource.accept("List")}
    for _ in range(_MOST_PAGES):
        answer = connection.fetch(resource.path(namespace), query, headers=headers)
        try:
            page = _page(answer)
        except (msgspec.DecodeError, RecursionError) as error:
            raise UnreachableError(
                f"the list of {resource.plural} cannot be read: {error}"
            ) from error
        if ended is not None and not page.metadata.continue_:
            ended.append(page.metadata.resource_version)
        yield page.items or []
        if not page.metadata.continue_:
            return
        query["continue"] = page.metadata.continue_
    raise UnreachableError(f"its list of {resource.qualified} has no end: {_MOST_PAGES} pages")


class Reflector:
    """Follows a resource, of one namespace or of all, in a thread of its own."""

    def __init__(
        self,
        connection: ClusterConnection,
        resource: Resource,
        sink: Sink,
        *,
        namespace: str = "",
        timing: Timing | None = None,
    ) -> None:
        self.resource, self.namespace = resource, namespace
        self.health = Health()
        self._connection, self._sink = connection, sink
        self._timing = timing or Timing()
        self._path = resource.path(namespace)
        self._version = ""
        self._listed_at = 0
        self._failures = 0
        self._stopped = threading.Event()
        self._response: urllib3.BaseHTTPResponse | None = None
        self._thread = threading.Thread(
            target=self._run, name=f"watch {resource.plural} {namespace}".strip(), daemon=True
        )

    def start(self) -> None:
        """Start to list and watch."""
        self._thread.start()

    def stop(self) -> None:
        """Stop the thread and close an open watch."""
        self._stopped.set()
        response = self._response
        if response is not None:
            with suppress(OSError, RuntimeError, ValueError):  # closed by then: the watch has ended
                response.shutdown()
        if self._thread.is_alive():
            self._thread.join(2.0)

    def _run(self) -> None:
        while not self._stopped.is_set():
            begun = time.monotonic()
            try:
                if not self._version:
                    self._list()
                self._watch()
                pause = 0.0 if time.monotonic() - begun > 1.0 else random.uniform(0.1, 0.5)
            except Exception as error:  # noqa: BLE001 - whatever a server sends, it is asked again
                pause = self._failed(error)
            self._stopped.wait(pause)

    def _list(self) -> None:
        ended: list[str] = []
        at = self._connection.now()
        self._sink.listed(self._pages(ended), since=self._listed_at, at=at)
        self._version = ended[-1]
        self.health.synced = True
        self._contact(at)

    def _pages(self, ended: list[str]) -> Iterator[list[msgspec.Raw]]:
        for page in pages(self._connection, self.resource, self.namespace, ended):
            if self._stopped.is_set():
                raise UnreachableError("stopped")
            yield page

    def _watch(self) -> None:
        timing = self._timing
        query: dict[str, str | int] = {
            "watch": "1",
            "allowWatchBookmarks": "true",
            "resourceVersion": self._version,
            "timeoutSeconds": max(1, round(random.uniform(timing.watch / 2, timing.watch))),
        }
        headers = {"Accept": self.resource.accept("")}
        with self._connection.request(
            self._path, query, headers=headers, silence=timing.silence, endless=True
        ) as response:
            self._response = response
            try:
                if self._stopped.is_set():  # stopped before the response: `stop` has not closed it
                    return
                self._contact(self._connection.now())
                for line in _lines(response):
                    self._take(_event(line))
                    if self._stopped.is_set():
                        return
            finally:
                self._response = None

    def _take(self, event: _Event) -> None:
        head = _head(event.object)
        if event.type == "ERROR":
            raise ApiError(head.code, head.message)
        at = self._connection.now()
        version = head.metadata.resource_version
        if _older(version, self._version):
            raise ApiError(_GONE, f"the server went back from version {self._version} to {version}")
        self.health.events[event.type.lower()] += 1
        try:
            if event.type == "DELETED":
                self._sink.deleted(event.object, at)
            elif event.type != "BOOKMARK":
                self._sink.changed(event.object, at)
        finally:
            self._version = version
        self._contact(at)

    def _contact(self, at: int) -> None:
        """Record a response: all changes up to `at` are known."""
        health = self.health
        self._listed_at, self._failures = at, 0
        health.contact = time.time()
        if health.failing:
            _LOG.warning("%s: resynchronised", self._name)
        health.failing, health.error, health.code, health.absent = 0.0, "", "", False

    def _failed(self, error: Exception) -> float:
        """Record a failure; return the seconds to wait before the next attempt."""
        health = self.health
        code = error.code if isinstance(error, ApiError) else 0
        if self._stopped.is_set():
            return 0.0
        health.errors[str(code) if code else _CODES.get(type(error), "invalid")] += 1
        if code == _GONE:
            self._version = ""
            return random.uniform(0.0, self._timing.first)
        if code == _NOT_FOUND and self.resource.optional:
            if health.synced:
                self._sink.listed([], since=self._listed_at, at=self._connection.now())
            self._version, health.synced, health.absent = "", True, True
            return random.uniform(0.5, 1.0) * 10 * self._timing.most
        if self._failures or code or isinstance(error, CredentialsError):
            # Only the first lost connection is resumed: an API server may restart with other data.
            self._version = "" if isinstance(error, UnreachableError) else self._version
            if not health.failing:
                _LOG.warning("%s: %s", self._name, error)
                health.failing = time.time()
            health.error = str(error)
            health.code = str(code) if code else _CODES.get(type(error), "invalid")
        most = _CREDENTIALS if isinstance(error, CredentialsError) else self._timing.most
        longest = min(self._timing.most, most, self._timing.first * 2.0**self._failures)
        self._failures = min(self._failures + 1, 30)
        pause = random.uniform(longest / 2, longest) if self._failures > 1 or code else 0.0
        return max(pause, min(getattr(error, "retry_after", 0.0), self._timing.most))

    @property
    def _name(self) -> str:
        return f"{self.resource.plural} of {self.namespace or 'the cluster'}"


_CODES: dict[type[Exception], str] = {
    UnreachableError: "connection",
    CredentialsError: "credentials",
}


def _lines(response: urllib3.BaseHTTPResponse) -> Iterator[bytes]:
    """The lines of a streaming response as they arrive."""
    rest = b""
    for chunk in response.stream(65_536):
        *lines, rest = (rest + chunk).split(b"\n") if b"\n" in chunk else [rest + chunk]
        yield from filter(None, lines)
        if len(rest) > _LONGEST_LINE:
            raise UnreachableError(f"an event of its watch is longer than {_LONGEST_LINE >> 20} MB")


def _older(version: str, known: str) -> bool:
    """Whether a resource version is less than another; only numbers can be compared."""
    if not (version.isdecimal() and known.isdecimal()):
        return False
    one, other = version.lstrip("0"), known.lstrip("0")  # may have more digits than Python reads
    return (len(one), one) < (len(other), other)
