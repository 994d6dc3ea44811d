"""/metrics, /healthz, /readyz, JSON documents and a page, over plain HTTP or TLS."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from types import TracebackType
from typing import Self

import msgspec

from pipeline.api.access import Access
from pipeline.api.answer import JSON, Answer, document, failure, text
from pipeline.api.callers import Limits
from pipeline.api.tls import Tls
from pipeline.exposition.text_format import CONTENT_TYPE

Document = Callable[[Mapping[str, str]], object]
"""What a JSON document says, given the query of its URL."""
Action = Callable[[bytes], object]
"""What a POST does, given its body, and the JSON document that it answers with."""

API, PAGE = "/api/v0/", "/page/"
_ALIVE = Answer(HTTPStatus.OK, JSON, b'{"status":"alive"}')
_BACKLOG = 1024
_log = logging.getLogger(__name__)


class UnansweredError(Exception):
    """Why a document cannot be given now, or to this query, and the status that says so."""

    def __init__(self, status: HTTPStatus, why: str) -> None:
        super().__init__(why)
        self.status = status


@dataclass
class Answers:
    """What the server says.

    `metrics(names)`: the exposition in parts, or only the metrics of these names
    (/metrics?name[]=NAME).
    `ready()`: why not, or "" when ready.
    `notes()` are more entries of /readyz, which do not make it less ready. `documents` gives JSON
    documents by path, below /api/v0/, and `actions` what can be done there; `files` are those of
    the page, by path below /page/.
    """

    metrics: Callable[[Collection[str]], Iterable[str]]
    ready: Callable[[], str]
    documents: Mapping[str, Document] = field(default_factory=dict)
    notes: Callable[[], Mapping[str, object]] = dict
    actions: Mapping[str, Action] = field(default_factory=dict)
    files: Mapping[str, Answer] = field(default_factory=dict)

    def at_once(self, path: str) -> Answer | None:
        """The answer to a GET that takes no time; None where it has to be made."""
        if path == "/healthz":
            return _ALIVE
        if path in {"/metrics", "/readyz"} or path.removeprefix(API) in self.documents:
            return None
        if self.files and path in {"/", PAGE.rstrip("/")}:
            return Answer(HTTPStatus.FOUND, JSON, b"", headers={"Location": PAGE.lstrip("/")})
        if path.startswith(PAGE) and path.removeprefix(PAGE) in self.files:
            return self.files[path.removeprefix(PAGE)]
        if self.acts(path):
            return failure(HTTPStatus.METHOD_NOT_ALLOWED, "it takes a POST", Allow="POST")
        return failure(HTTPStatus.NOT_FOUND, "no such path")

    def get(self, path: str, query: list[tuple[str, str]], *, packed: bool = False) -> Answer:
        """The answer to a GET of the metrics, of readiness or of a document.

        `packed`: large metrics are compressed as they are made.
        """
        if path == "/metrics":
            names = {value for name, value in query if name == "name[]"}
            return text(CONTENT_TYPE, self.metrics(names), packed=packed)
        if path == "/readyz":
            why = self.ready()
            status = HTTPStatus.SERVICE_UNAVAILABLE if why else HTTPStatus.OK
            body = {"status": "not ready", "reason": why} if why else {"status": "ready"}
            return Answer(status, JSON, msgspec.json.encode({**body, **self.notes()}))
        return answered(lambda: self.documents[path.removeprefix(API)](dict(query)))

    def acts(self, path: str) -> bool:
        """Whether there is an action."""
        return path.startswith(API) and path.removeprefix(API) in self.actions

    def post(self, path: str, body: bytes) -> Answer:
        """The answer to a POST of an action."""
        return answered(lambda: self.actions[path.removeprefix(API)](body))


def answered(say: Callable[[], object]) -> Answer:
    """A document (one that is an answer already, as it is), or why there is none."""
    try:
        said = say()
        return said if isinstance(said, Answer) else document(said)
    except UnansweredError as error:
        return failure(error.status, str(error))
    except msgspec.DecodeError as error:
        return failure(HTTPStatus.BAD_REQUEST, str(error))


class Server:
    """An HTTP server in a thread of its own. Raises OSError when the address is taken.

    With `cert` and `key` it speaks TLS; with `client_ca`, certificates of callers are verified. All
    three are read again when they change.
    """

    def __init__(
        self,
        listen: str,
        answers: Answers,
        cert: str = "",
        key: str = "",
        *,
        client_ca: str = "",
        access: Access | None = None,
        limits: Limits | None = None,
    ) -> None:
        host, _, port = listen.rpartition(":")
        self._answers = answers
        self._access = access or Access()
        self._limits = limits or Limits()
        self._tls = Tls(cert, key, client_ca) if cert else None
        self._socket = _listen(listen, host.strip("[]"), int(port))
        self._end: Callable[[], object] = lambda: None
        self._thread: threading.Thread | None = None
        self.url = f"http{'s' if cert else ''}://{host}:{self._socket.getsockname()[1]}"

    def __enter__(self) -> Self:
        from pipeline.api import service  # noqa: PLC0415 - slow, for a server alone

        started = threading.Event()

        def tell(end: Callable[[], object]) -> None:
            self._end = end
            started.set()

        parts = self._answers, self._access, self._limits
        where = {"listener": self._socket, "tls": self._tls, "tell": tell}
        self._thread = threading.Thread(
            target=service.serve, args=parts, kwargs=where, name="http", daemon=True
        )
        self._thread.start()
        started.wait()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._end()
        if self._thread:
            self._thread.join()
        self._socket.close()


def _listen(listen: str, host: str, port: int) -> socket.socket:
    """A socket that listens. Raises OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        # the standard library puts the address into the text too
        reason = error.strerror.partition(" (while")[0] if error.strerror else error
        raise OSError(f"cannot listen on {listen}: {reason}") from error
