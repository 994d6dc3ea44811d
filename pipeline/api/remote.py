"""What a server answers, asked with the credentials of this process, within size and time.

The credentials are those of `pipeline.api.credentials`.
"""

from __future__ import annotations

import os
import re
import ssl
import time
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import HTTPRedirectHandler, Request, build_opener

import msgspec

from pipeline.api.bounded import SILENT, Until, body
from pipeline.api.credentials import CA_FILE, CERT_FILE, TOKEN_FILE
from pipeline.api.failure import Failure
from pipeline.files import bounded, secret, warn_if_open

_PATIENCE = 120.0
"""Seconds in all."""
_SAID = 1_000
"""Characters of a server that an error repeats."""
_LOGIN = re.compile(r"//[^/?#]*@")
_TOLD = 65_536


class RemoteError(Exception):
    """A worker does not answer, or the answers of several make no whole; the message says why."""


class _Straight(HTTPRedirectHandler):
    """A worker sends nobody elsewhere, and a token is for nobody else."""

    def redirect_request(self, *_: object) -> None:
        """Nowhere."""


def fetch(url: str, largest: int, patience: float = _PATIENCE, told: str = "") -> bytearray:
    """The body of an answer, of no more than `largest` bytes. Raises RemoteError.

    `told` is what the error calls the URL.
    """
    told = _LOGIN.sub("//", told or url)
    if _LOGIN.search(url):
        raise RemoteError(f"cannot ask {told}: a URL has no login here: give the token in a file")
    try:
        request = Request(url)  # noqa: S310 - the callers have checked the scheme
        if name := os.environ.get(TOKEN_FILE):
            token = secret(Path(name)).split()
            request.add_unredirected_header("Authorization", f"Bearer {token[0] if token else ''}")
        opener = build_opener(_Straight, Until(time.monotonic() + patience, _context()))
        with opener.open(request, timeout=SILENT) as answer:
            return body(answer, largest)
    except HTTPError as error:
        raise RemoteError(f"cannot ask {told}: {_why(error)[:_SAID]}") from error
    except (OSError, HTTPException, ValueError) as error:
        why = str(getattr(error, "reason", None) or error)[:_SAID]
        raise RemoteError(f"cannot ask {told}: {why}") from error


def _context() -> ssl.SSLContext:
    authority, cert = os.environ.get(CA_FILE), os.environ.get(CERT_FILE)
    try:
        context = ssl.create_default_context(cafile=bounded(Path(authority)) if authority else None)
    except ssl.SSLError:
        raise ValueError(f"{authority} is not a PEM file of certificates") from None
    try:
        if cert:
            context.load_cert_chain(bounded(Path(cert)), password="")  # never asks for one
            warn_if_open(Path(cert))  # the key is in it
    except ssl.SSLError:
        raise ValueError(f"{cert} is not a PEM file of a certificate and its open key") from None
    return context


def _why(error: HTTPError) -> str:
    """What a worker says about why it does not answer."""
    with error:
        try:
            return msgspec.json.decode(error.read(_TOLD), type=Failure).error
        except (msgspec.MsgspecError, ValueError, RecursionError, OSError, HTTPException):
            return str(error)
