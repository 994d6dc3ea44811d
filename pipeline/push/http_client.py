"""Requests to a server of HTTP, and what its answers mean for a batch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pipeline.push import http_login
from pipeline.push.destination import RejectedError, UnavailableError
from pipeline.push.http import Http
from pipeline.push.http_requests import Answer, Requests

_UNAUTHORIZED = 401
_AGAIN = frozenset((408, 425, 429))
"""Answers below 500 after which a request may be made again."""


class Client:
    """Requests of one thread to one server; names of files are under `folder`.

    Each request has `timeout` seconds to connect, and for each part of the answer. Raises
    UnavailableError when a file cannot be used.
    """

    def __init__(self, http: Http, folder: Path, timeout: float) -> None:
        self._headers = dict(http.headers)
        self._login = http_login.login(http, folder, timeout)
        self._requests = Requests(http, folder, timeout)

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> bytes:
        """What the server answers. Raises UnavailableError and RejectedError."""
        answer = self._post(url, body, headers)
        if answer.status == _UNAUTHORIZED and self._login.renew():
            answer = self._post(url, body, headers)
        if 200 <= answer.status < 300:
            return answer.body
        if answer.status >= 500 or answer.status in _AGAIN:
            raise UnavailableError(str(answer), _after(answer.retry_after))
        raise RejectedError(str(answer))

    def _post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        return self._requests.post(url, body, {**self._headers, **self._login.header(), **headers})

    def close(self) -> None:
        """End the connections."""
        self._requests.close()
        self._login.close()


def _after(header: str | None) -> float | None:
    """The seconds of a Retry-After; a date is left out, the pauses grow anyway."""
    return float(header) if header and header.isdecimal() else None
