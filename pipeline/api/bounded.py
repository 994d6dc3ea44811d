"""Answers over HTTP within a time in all and a size, whatever their server does and says."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from functools import partial
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Any
from urllib.error import HTTPError
from urllib.request import BaseHandler, HTTPHandler, HTTPSHandler, Request, build_opener

from pipeline.diagnostics import printable
from pipeline.timing.deadline import SILENT, Response, within

_PIECE = 1 << 20
_TOLD = 1 << 16
"""Bytes of a refusal that are read."""
_SAID = 1_000
"""Characters of a server that an error repeats."""


class AnswerError(Exception):
    """A server gives no answer, or none that can be used; the message says why, as `said` does."""


def asked(
    request: Request,
    patience: float,
    largest: int,
    why: Callable[[int, bytes], str],
    *handlers: type[BaseHandler],
    context: ssl.SSLContext | None = None,
) -> bytearray:
    """The body of an answer that has come in `patience` seconds, of no more than `largest` bytes.

    `why` reads the reason out of the status and the body of a refusal, and may raise ValueError,
    TypeError, KeyError and RecursionError for what says none. Raises AnswerError.
    """
    try:
        opener = build_opener(*handlers, _Timed(context))
        with within(patience), opener.open(request, timeout=min(SILENT, patience)) as answer:
            return _body(answer, largest)
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


class _Timed(HTTPHandler, HTTPSHandler):
    """A handler for `build_opener` whose answers keep to the deadline."""

    def __init__(self, context: ssl.SSLContext | None) -> None:
        HTTPSHandler.__init__(self, context=context)
        self._trusted = context

    def http_open(self, req: Request) -> HTTPResponse:
        """The answer over a connection in plain text."""
        return self.do_open(partial(_connection, HTTPConnection), req)

    def https_open(self, req: Request) -> HTTPResponse:
        """The answer over TLS."""
        return self.do_open(partial(_connection, HTTPSConnection, context=self._trusted), req)


def _connection(kind: Any, host: str, **more: Any) -> Any:
    made = kind(host, **more)
    made.response_class = Response
    return made


def _body(answer: HTTPResponse, largest: int) -> bytearray:
    """The body, of no more than `largest` bytes. Raises ValueError, and OSError as reads do."""
    found = bytearray()
    while piece := answer.read1(_PIECE):
        found += piece
        if len(found) > largest:
            raise ValueError(f"its answer is longer than {largest >> 20} MB")
    if answer.length:
        raise ValueError("its answer ends too early")
    return found
