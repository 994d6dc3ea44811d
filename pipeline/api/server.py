"""/metrics, /healthz, /readyz and JSON documents, over plain HTTP or TLS."""

from __future__ import annotations

import hashlib
import logging
import socket
import ssl
import sys
import threading
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self
from urllib.parse import parse_qsl, urlsplit

import msgspec

from pipeline.api.schema import Failure
from pipeline.exposition.text_format import CONTENT_TYPE

JSON = "application/json"
Document = Callable[[Mapping[str, str]], object]
"""What a JSON document says, given the query of its URL."""

_log = logging.getLogger(__name__)


class UnansweredError(Exception):
    """Why a document cannot be given now, or to this query, and the status that says so."""

    def __init__(self, status: HTTPStatus, why: str) -> None:
        super().__init__(why)
        self.status = status


@dataclass
class Answers:
    """What the server says.

    `metrics(names)`: the exposition, or only the metrics of these names (/metrics?name[]=NAME).
    `ready()`: why not, or "" when ready.
    `notes()` are more entries of /readyz, which do not make it less ready. `documents` gives JSON
    documents by path, below /api/v0/.
    """

    metrics: Callable[[Collection[str]], str]
    ready: Callable[[], str]
    documents: Mapping[str, Document] = field(default_factory=dict)
    notes: Callable[[], Mapping[str, object]] = dict

    def get(self, url: str) -> tuple[HTTPStatus, str, bytes]:
        """Status, content type and body of a GET."""
        path, query = urlsplit(url)[2:4]
        if path == "/metrics":
            names = {value for name, value in parse_qsl(query) if name == "name[]"}
            return HTTPStatus.OK, CONTENT_TYPE, self.metrics(names).encode()
        if path == "/healthz":
            return HTTPStatus.OK, JSON, b'{"status":"alive"}'
        if path == "/readyz":
            why = self.ready()
            status = HTTPStatus.SERVICE_UNAVAILABLE if why else HTTPStatus.OK
            body = {"status": "not ready", "reason": why} if why else {"status": "ready"}
            return status, JSON, msgspec.json.encode({**body, **self.notes()})
        document = self.documents.get(path.removeprefix("/api/v0/"))
        if document is None:
            return HTTPStatus.NOT_FOUND, JSON, b'{"error":"no such path"}'
        try:
            return HTTPStatus.OK, JSON, msgspec.json.encode(document(dict(parse_qsl(query))))
        except UnansweredError as error:
            return error.status, JSON, msgspec.json.encode(Failure(str(error)))


class _Listener(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        super().__init__(address, handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that break off, or speak no TLS, are not worth a traceback each."""
        _log.debug("%s: %s", client_address, sys.exception())


class Server:
    """An HTTP server in a thread of its own. Raises OSError when the address is taken."""

    def __init__(self, listen: str, answers: Answers, cert: str = "", key: str = "") -> None:
        host, _, port = listen.rpartition(":")
        try:
            self._server = _Listener((host.strip("[]"), int(port)), _handler(answers))
        except OSError as error:
            raise OSError(f"cannot listen on {listen}: {error.strerror}") from error
        scheme = "http"
        if cert:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            context.load_cert_chain(cert, key or None)
            # The handshake is left to each connection's thread: a silent client holds up no other.
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
            scheme = "https"
        self.url = f"{scheme}://{host}:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()


def _etag(body: bytes) -> str:
    """A validator of an answer: equal bytes have equal ones."""
    return f'"{hashlib.blake2b(body, digest_size=16).hexdigest()}"'


def _names(condition: str, tag: str) -> bool:
    """Whether an If-None-Match has a tag (https://www.rfc-editor.org/rfc/rfc9110#section-13.1.2)."""
    listed = [one.strip().removeprefix("W/") for one in condition.split(",")]
    return tag in listed or listed == ["*"]


def _handler(answers: Answers) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 60

        def do_GET(self) -> None:
            try:
                status, kind, body = answers.get(self.path)
            except Exception as error:  # noqa: BLE001 - a failed page must not end the server
                status, kind = HTTPStatus.INTERNAL_SERVER_ERROR, JSON
                body = msgspec.json.encode(Failure(str(error)))
            tag = _etag(body) if status is HTTPStatus.OK and kind == JSON else ""
            if tag and _names(self.headers.get("If-None-Match", ""), tag):
                status, body = HTTPStatus.NOT_MODIFIED, b""
            self.send_response(status)
            self.send_header("Content-Type", kind)
            if tag:
                self.send_header("ETag", tag)
            if status is not HTTPStatus.NOT_MODIFIED:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        do_HEAD = do_GET  # noqa: N815 - the name the base class looks for

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - inherited name
            """Scrapes are not worth a line each."""

    return Handler
