"""What a server answers, asked with the credentials of this process, within size and time.

The credentials are those of `pipeline.api.credentials`.
"""

from __future__ import annotations

import os
import ssl
import time
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import HTTPRedirectHandler, HTTPSHandler, Request, build_opener

import msgspec

from pipeline.api.credentials import CA_FILE, CERT_FILE, TOKEN_FILE
from pipeline.api.failure import Failure

_SILENT, _PATIENCE = 30.0, 120.0
"""Seconds without a byte, and in all."""
_PIECE = 1 << 20
_TOLD = 65_536


class RemoteError(Exception):
    """A worker does not answer, or the answers of several make no whole; the message says why."""


class _Straight(HTTPRedirectHandler):
    """A worker sends nobody elsewhere, and a token is for nobody else."""

    def redirect_request(self, *_: object) -> None:
        """Nowhere."""


def fetch(url: str, largest: int, patience: float = _PATIENCE, told: str = "") -> bytes:
    """The body of an answer, of no more than `largest` bytes. Raises RemoteError.

    `told` is what the error calls the URL.
    """
    told = told or url
    try:
        request = Request(url)  # noqa: S310 - the callers have checked the scheme
        if name := os.environ.get(TOKEN_FILE):
            token = Path(name).read_text(encoding="utf-8").split()
            request.add_unredirected_header("Authorization", f"Bearer {token[0] if token else ''}")
        opener = build_opener(_Straight, HTTPSHandler(context=_context()))
        with opener.open(request, timeout=_SILENT) as answer:
            return _read(answer, largest, time.monotonic() + patience)
    except HTTPError as error:
        raise RemoteError(f"cannot ask {told}: {_why(error)}") from error
    except (OSError, HTTPException, ValueError) as error:
        raise RemoteError(f"cannot ask {told}: {getattr(error, 'reason', error)}") from error


def _context() -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=os.environ.get(CA_FILE) or None)
    if cert := os.environ.get(CERT_FILE):
        context.load_cert_chain(cert)
    return context


def _read(answer: HTTPResponse, largest: int, until: float) -> bytes:
    """The body in pieces, as there is no end to what a server may send."""
    pieces, size = list[bytes](), 0
    while piece := answer.read1(_PIECE):
        pieces.append(piece)
        size += len(piece)
        if size > largest:
            raise ValueError(f"its answer is longer than {largest >> 20} MB")
        if time.monotonic() > until:
            raise ValueError("its answer takes too long")
    if answer.length:
        raise ValueError("its answer ends too early")
    return b"".join(pieces)


def _why(error: HTTPError) -> str:
    """What a worker says about why it does not answer."""
    with error:
        try:
            return msgspec.json.decode(error.read(_TOLD), type=Failure).error
        except (msgspec.MsgspecError, UnicodeDecodeError, OSError, HTTPException):
            return str(error)
