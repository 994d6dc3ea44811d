"""A real authorization server of OAuth 2, beside a server that takes its tokens, both with TLS."""

from __future__ import annotations

import json
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import NamedTuple
from urllib.request import Request, urlopen

from tests.real import parts
from tests.real.go import built
from tests.support.certificates import Authority

CLIENT, SECRET = "flowmatrix", "s3cret-of-the-tests"


class Seen(NamedTuple):
    """Requests for tokens: their forms, and who logged in by header; answers to what was pushed."""

    tokens: list[dict[str, list[str]]]
    logins: list[str]
    pushes: list[int]


class OAuth2Server:
    """The servers: `/token` of one, `/push` of the other."""

    def __init__(self, port: int, authority: Path) -> None:
        self.url = f"https://{parts.LOCALHOST}:{port}"
        self._context = ssl.create_default_context(cafile=authority)

    def revoke(self) -> None:
        """No token given so far is good any more."""
        self._call("/revoke", "POST")

    def wants_forms(self) -> None:
        """A client logs in by the form of its request from now on, no more by a header."""
        self._call("/form", "POST")

    def seen(self) -> Seen:
        """What was asked for so far."""
        return Seen(**json.loads(self._call("/seen", "GET")))

    def _call(self, path: str, method: str) -> bytes:
        request = Request(self.url + path, method=method)
        with urlopen(request, context=self._context) as answer:
            body: bytes = answer.read()
            return body


@contextmanager
def oauth2_server(authority: Authority, seconds: int) -> Iterator[OAuth2Server]:
    """A server whose tokens are good for so long; it ends with the context."""
    cert, key = authority.issue("oauth2")
    command = [str(_binary()), str(cert), str(key), str(seconds)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            assert process.stdout is not None
            yield OAuth2Server(int(process.stdout.readline()), authority.certificate)
        finally:
            process.kill()


@cache
def _binary() -> Path:
    return built("oauth2-server", "it builds the server that gives tokens")
