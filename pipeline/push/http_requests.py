"""Requests over HTTP by one thread: connections, TLS, the way there, and what went wrong."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import urllib3
from urllib3.exceptions import HTTPError, InsecureRequestWarning

from pipeline.diagnostics import printable
from pipeline.kafka.connection import BrokerError, tls_context
from pipeline.push.destination import UnavailableError
from pipeline.push.http import Reach
from pipeline.timing.deadline import keep, within

_READ = 1 << 16
_SHOWN = 200


class Answer(NamedTuple):
    """A status, the beginning of the body, and the header Retry-After."""

    status: int
    body: bytes
    retry_after: str | None = None

    def __str__(self) -> str:
        """The status and the first line, in short and without what moves a cursor."""
        first = self.body.decode(errors="replace").strip().partition("\n")[0]
        return f"{self.status} {printable(first)[:_SHOWN]}".strip()


class Requests:
    """Each request has `timeout` seconds to connect, and three times as many in all.

    Names of files are under `folder`. Raises UnavailableError when a file cannot be used.
    """

    def __init__(self, reach: Reach, folder: Path, timeout: float) -> None:
        try:
            context = tls_context(reach.tls, folder)
        except BrokerError as error:
            raise UnavailableError(str(error)) from None
        if reach.tls_min_version == "1.3":
            context.minimum_version = ssl.TLSVersion.TLSv1_3
        unverified = reach.tls.insecure_skip_verify
        if unverified:
            urllib3.disable_warnings(InsecureRequestWarning)  # it was asked for
        name = reach.server_name or None
        make = partial(urllib3.ProxyManager, reach.proxy) if reach.proxy else urllib3.PoolManager
        self._agent = {"User-Agent": f"flowmatrix/{version('flowmatrix')}"}
        self._patience = 3 * timeout
        self._pool = make(
            num_pools=1,
            retries=False,
            timeout=urllib3.Timeout(timeout),
            ssl_context=context,
            server_hostname=name,
            assert_hostname=False if unverified else name,
        )
        keep(self._pool)

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """What is answered, whatever it is. Raises UnavailableError where nothing is."""
        try:
            with within(self._patience):
                answer = self._pool.request(
                    "POST",
                    url,
                    body=body,
                    headers={**self._agent, **headers},
                    redirect=False,
                    preload_content=False,
                )
            with answer:
                text = answer.read(_READ)
        except HTTPError as error:
            raise UnavailableError(_reason(error)) from None
        return Answer(answer.status, text, answer.headers.get("Retry-After"))

    def close(self) -> None:
        """End the connections."""
        self._pool.clear()


def _reason(error: HTTPError) -> str:
    """What went wrong with a connection, without addresses of objects."""
    cause: BaseException = error
    while cause.__cause__ is not None:
        cause = cause.__cause__
    text = getattr(cause, "strerror", None) or getattr(cause, "verify_message", None)
    return printable(str(text or str(cause) or type(cause).__name__))[:_SHOWN]
