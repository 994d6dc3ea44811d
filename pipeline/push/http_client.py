"""Requests to a server of HTTP, and what its answers mean for a batch."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from functools import partial
from importlib.metadata import version
from pathlib import Path

import urllib3
from urllib3.exceptions import HTTPError, InsecureRequestWarning

from pipeline.diagnostics import printable
from pipeline.files import secret
from pipeline.kafka.connection import BrokerError, tls_context
from pipeline.push.destination import RejectedError, UnavailableError
from pipeline.push.http import Http

_AGAIN = frozenset((408, 425, 429))
"""Answers below 500 after which a request may be made again."""
_READ = 1 << 16
_SHOWN = 200


class Client:
    """Requests of one thread to one server; names of files are under `folder`.

    Each request has `timeout` seconds to connect, and for each part of the answer. Raises
    UnavailableError when a file cannot be used.
    """

    def __init__(self, http: Http, folder: Path, timeout: float) -> None:
        agent = {"User-Agent": f"flowmatrix/{version('flowmatrix')}"}
        self._headers = agent | dict(http.headers) | _authorization(http, folder)
        try:
            context = tls_context(http.tls, folder)
        except BrokerError as error:
            raise UnavailableError(str(error)) from None
        if http.tls.insecure_skip_verify:
            urllib3.disable_warnings(InsecureRequestWarning)  # it was asked for
        name = http.server_name or None
        make = partial(urllib3.ProxyManager, http.proxy) if http.proxy else urllib3.PoolManager
        self._pool = make(
            num_pools=1,
            retries=False,
            timeout=urllib3.Timeout(timeout),
            ssl_context=context,
            server_hostname=name,
            assert_hostname=False if http.tls.insecure_skip_verify else name,
        )

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> bytes:
        """What the server answers. Raises UnavailableError and RejectedError."""
        try:
            answer = self._pool.request(
                "POST",
                url,
                body=body,
                headers={**self._headers, **headers},
                redirect=False,
                preload_content=False,
            )
            with answer:
                text = answer.read(_READ)
        except HTTPError as error:
            raise UnavailableError(_reason(error)) from None
        if 200 <= answer.status < 300:
            return text
        said = f"{answer.status} {_first_line(text)}".strip()
        if answer.status >= 500 or answer.status in _AGAIN:
            raise UnavailableError(said, _after(answer.headers.get("Retry-After")))
        raise RejectedError(said)

    def close(self) -> None:
        """End the connection."""
        self._pool.clear()


def _authorization(http: Http, folder: Path) -> dict[str, str]:
    if http.authorization:
        own = http.authorization
        credentials = own.credentials or content(folder, own.credentials_file)
        return {"Authorization": f"{own.scheme} {credentials}"}
    if http.basic_auth:
        basic = http.basic_auth
        name = basic.username or content(folder, basic.username_file)
        password = basic.password or content(folder, basic.password_file)
        return {
            "Authorization": f"Basic {base64.b64encode(f'{name}:{password}'.encode()).decode()}"
        }
    return {}


def content(folder: Path, name: str) -> str:
    """The secret in a file; without a name, "". Raises UnavailableError."""
    try:
        return secret(folder / name) if name else ""
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not a text"
        raise UnavailableError(f"cannot read {folder / name}: {reason}") from None


def _reason(error: HTTPError) -> str:
    """What went wrong with a connection, without addresses of objects."""
    cause: BaseException = error
    while cause.__cause__ is not None:
        cause = cause.__cause__
    text = getattr(cause, "strerror", None) or getattr(cause, "verify_message", None)
    return printable(str(text or str(cause) or type(cause).__name__))[:_SHOWN]


def _first_line(text: bytes) -> str:
    first = text.decode(errors="replace").strip().partition("\n")[0]
    return printable(first)[:_SHOWN]


def _after(header: str | None) -> float | None:
    """The seconds of a Retry-After; a date is left out, the pauses grow anyway."""
    return float(header) if header and header.isdecimal() else None
