"""Answers over HTTP within a time in all and a size, whatever their server does and says.

What the standard library bounds is one read of a socket: a server that sends a byte now and then
could keep a caller for ever, also within the head of its answer.
"""

from __future__ import annotations

import io
import socket
import ssl
import time
from collections.abc import Callable
from functools import partial
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Any
from urllib.error import HTTPError
from urllib.request import BaseHandler, HTTPHandler, HTTPSHandler, Request, build_opener

from pipeline.diagnostics import printable

SILENT = 30.0
"""Seconds without a byte."""
_SHORTEST = 0.001
_PIECE = 1 << 20
_TOLD = 1 << 16
"""Bytes of a refusal that are read."""
_SAID = 1_000
"""Characters of a server that an error repeats."""


class AnswerError(Exception):
    """A server gives no answer, or none that can be used; the message says why, as `said` does."""


def asked(
    request: Request,
    until: float,
    largest: int,
    why: Callable[[int, bytes], str],
    *handlers: type[BaseHandler],
    context: ssl.SSLContext | None = None,
) -> bytearray:
    """The body of an answer that has come by `until`, of no more than `largest` bytes.

    `why` reads the reason out of the status and the body of a refusal, and may raise ValueError,
    TypeError, KeyError and RecursionError for what says none. Raises AnswerError.
    """
    try:
        opener = build_opener(*handlers, Until(until, context))
        with opener.open(request, timeout=SILENT) as answer:
            return body(answer, largest)
    except HTTPError as error:
        raise AnswerError(said(_refusal(error, why))) from error
    except (OSError, HTTPException, ValueError) as error:
        raise AnswerError(said(getattr(error, "reason", None) or error)) from error


def said(why: object) -> str:
    """What a server, or an error about it, says: on one line, printable, and not without end."""
    return printable(str(why)[:_SAID])


def _refusal(error: HTTPError, why: Callable[[int, bytes], str]) -> object:
    with error:
        try:
            return why(error.code, error.read(_TOLD))
        except (OSError, HTTPException, ValueError, TypeError, KeyError, RecursionError):
            return error


class Until(HTTPHandler, HTTPSHandler):
    """A handler for `build_opener` whose answers have come by `until` (monotonic seconds).

    Beyond it a read raises TimeoutError, which says so. Redirects have no time of their own.
    """

    def __init__(self, until: float, context: ssl.SSLContext | None = None) -> None:
        HTTPSHandler.__init__(self, context=context)
        self._trusted = context
        self._until = until

    def http_open(self, req: Request) -> HTTPResponse:
        """The answer over a connection in plain text."""
        return self.do_open(partial(self._connection, HTTPConnection), req)

    def https_open(self, req: Request) -> HTTPResponse:
        """The answer over TLS."""
        return self.do_open(partial(self._connection, HTTPSConnection, context=self._trusted), req)

    def _connection(self, kind: Any, host: str, **more: Any) -> Any:
        made = kind(host, **more)
        made.response_class = partial(_Response, self._until)
        return made


class _Response(HTTPResponse):
    def __init__(self, until: float, sock: socket.socket, *args: Any, **more: Any) -> None:
        super().__init__(sock, *args, **more)
        self.fp = io.BufferedReader(_Timed(self.fp.detach(), sock, until))


class _Timed(io.RawIOBase):
    """The bytes of a socket, until a time."""

    def __init__(self, raw: Any, sock: socket.socket, until: float) -> None:
        self._raw, self._socket, self._until = raw, sock, until

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int | None:
        left = self._until - time.monotonic()
        self._socket.settimeout(max(_SHORTEST, min(left, SILENT)))
        try:
            found: int | None = self._raw.readinto(buffer)
        except TimeoutError:
            if left > SILENT:
                raise
            found = None
        if found is None or time.monotonic() > self._until:
            raise TimeoutError("its answer takes too long")
        return found

    def close(self) -> None:
        self._raw.close()
        super().close()


def body(answer: HTTPResponse, largest: int) -> bytearray:
    """The body, of no more than `largest` bytes. Raises ValueError, and OSError as reads do."""
    found = bytearray()
    while piece := answer.read1(_PIECE):
        found += piece
        if len(found) > largest:
            raise ValueError(f"its answer is longer than {largest >> 20} MB")
    if answer.length:
        raise ValueError("its answer ends too early")
    return found
