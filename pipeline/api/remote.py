"""What a server answers, asked with the credentials of this process, within size and time.

The credentials are those of `pipeline.api.credentials`.
"""

from __future__ import annotations

import os
import re
import ssl
from pathlib import Path
from urllib.request import HTTPRedirectHandler, Request

import msgspec

from pipeline.api.bounded import AnswerError, asked, said
from pipeline.api.credentials import CA_FILE, CERT_FILE, TOKEN_FILE
from pipeline.api.failure import Failure
from pipeline.files import bounded, require_valid, secret, warn_if_open

PATIENCE = 120.0
"""Seconds in all."""
_LOGIN = re.compile(r"//[^/?#]*@")


class RemoteError(Exception):
    """A worker does not answer, or the answers of several make no whole; the message says why."""


class _Straight(HTTPRedirectHandler):
    """A worker sends nobody elsewhere, and a token is for nobody else."""

    def redirect_request(self, *_: object) -> None:
        """Nowhere."""


def fetch(url: str, largest: int, patience: float = PATIENCE, told: str = "") -> bytearray:
    """The body of an answer, of no more than `largest` bytes. Raises RemoteError.

    `told` is what the error calls the URL.
    """
    told = _LOGIN.sub("//", told or url)
    if _LOGIN.search(url):
        raise RemoteError(f"cannot ask {told}: a URL has no login here: give the token in a file")
    try:
        request = Request(url)  # noqa: S310 - the callers have checked the scheme
        if name := os.environ.get(TOKEN_FILE):
            request.add_unredirected_header("Authorization", f"Bearer {token(Path(name))}")
        return asked(request, patience, largest, _why, _Straight, context=_context())
    except OSError as error:
        why = f"{error.filename}: {error.strerror}" if error.filename else error
        raise RemoteError(f"cannot ask {told}: {why}") from error
    except (AnswerError, ValueError) as error:
        raise RemoteError(f"cannot ask {told}: {said(error)}") from error


def token(file: Path) -> str:
    """The token in a file, the first where there are several. Raises OSError and ValueError."""
    found = secret(file).split()
    if not found:
        raise ValueError(f"{file} has no token")
    return found[0]


def _context() -> ssl.SSLContext:
    authority, cert = os.environ.get(CA_FILE), os.environ.get(CERT_FILE)
    try:
        context = ssl.create_default_context(cafile=bounded(Path(authority)) if authority else None)
    except ssl.SSLError:
        raise ValueError(f"{authority} is not a PEM file of certificates") from None
    try:
        if cert:
            context.load_cert_chain(bounded(Path(cert)), password="")  # never asks for one
            require_valid(Path(cert))
            warn_if_open(Path(cert))  # the key is in it
    except ssl.SSLError:
        raise ValueError(f"{cert} is not a PEM file of a certificate and its open key") from None
    return context


def _why(_: int, refusal: bytes) -> str:
    """What a worker says about why it does not answer."""
    return msgspec.json.decode(refusal, type=Failure).error
