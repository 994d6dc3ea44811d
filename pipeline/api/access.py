"""Who may ask what: the token, the client certificate, and requests that a web page has forged."""

from __future__ import annotations

import base64
import binascii
import hmac
import ipaddress
import logging
import socket
from collections.abc import Collection, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import NamedTuple

from pipeline.api.answer import JSON, Answer, failure
from pipeline.diagnostics import printable
from pipeline.files import content
from pipeline.flows.cidr import is_loopback

OPEN = frozenset({"/healthz", "/readyz", "/metrics", "/live", "/ready"})
"""What everybody may ask: probes and scrapes."""

_log = logging.getLogger(__name__)
_NEEDED = (
    "callers from other machines need a credential, and none is set: set server.token_file, or "
    "server.client_ca with TLS; callers on this machine need none"
)
_CHALLENGE = 'Bearer, Basic realm="flowmatrix: any user, the token as password"'


class Asked(NamedTuple):
    """What is known of a request before anything of it is answered.

    `headers` compares names without case; `verified`: its certificate is one of the client_ca.
    """

    method: str
    path: str
    peer: str
    headers: Mapping[str, str]
    verified: bool = False


class TokenFile:
    """The tokens of a file, one a line, read again when the file changes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp: tuple[int, int, int] | None = None
        self._tokens: list[bytes] = []

    def has(self, token: bytes) -> bool:
        """Whether it is one of the tokens; how long that takes says nothing about them."""
        return sum(hmac.compare_digest(token, one) for one in self._read()) > 0

    def _read(self) -> list[bytes]:
        try:
            stat = self._path.stat()
            stamp = stat.st_mtime_ns, stat.st_size, stat.st_ino
            if stamp != self._stamp:
                self._tokens = content(self._path).split()
                self._stamp = stamp
        except OSError as error:
            if self._tokens or self._stamp is None:
                _log.error("nobody has access: %s: %s", self._path, error.strerror)
            self._tokens, self._stamp = [], (0, 0, 0)
        return self._tokens


class Access:
    """The rules. `hosts` are names by which callers reach the server, besides its own.

    Without token and client certificates only callers on this machine have access.
    """

    def __init__(
        self,
        token_file: Path | None = None,
        *,
        client_ca: bool = False,
        hosts: Collection[str] = (),
    ) -> None:
        self._tokens = TokenFile(token_file) if token_file else None
        self._client_ca = client_ca
        self._hosts = {"localhost", socket.gethostname().lower(), *map(str.lower, hosts)}

    def denied(self, asked: Asked) -> Answer | None:
        """Why a request is not answered; None when it may be."""
        proven = asked.verified or bool(self._tokens and self._tokens.has(_token(asked.headers)))
        if not proven and (unproven := self._unproven(asked)):
            return unproven
        return _forged(asked) if asked.method == "POST" else None

    def _unproven(self, asked: Asked) -> Answer | None:
        """Why a request without a credential is not answered; None when it may be."""
        here, is_open = is_loopback(asked.peer), asked.path in OPEN
        if (here or not is_open) and not self._knows(asked.headers.get("Host", "")):
            name = printable(asked.headers["Host"])
            why = f'"{name}" is not a name of this server: server.hosts lists its names'
            return failure(HTTPStatus.MISDIRECTED_REQUEST, why)
        if is_open:
            return None
        if self._tokens:
            why = "it takes the token of server.token_file: Authorization: Bearer TOKEN"
            return failure(HTTPStatus.UNAUTHORIZED, why, WWW_Authenticate=_CHALLENGE)
        if self._client_ca:
            return failure(HTTPStatus.FORBIDDEN, "it takes a certificate of server.client_ca")
        return None if here else failure(HTTPStatus.FORBIDDEN, _NEEDED)

    def _knows(self, host: str) -> bool:
        """Whether no stranger can have made a name for this server (DNS rebinding)."""
        name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
        name = name.strip("[]").rstrip(".").lower()
        if not name or name in self._hosts or name.endswith(".localhost"):
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True


def _token(headers: Mapping[str, str]) -> bytes:
    """The token of a request; browsers ask for it as the password of Basic."""
    scheme, _, given = headers.get("Authorization", "").partition(" ")
    text = given.strip().encode(errors="replace")
    if scheme.lower() != "basic":
        return text if scheme.lower() == "bearer" else b""
    try:
        return base64.b64decode(text, validate=True).partition(b":")[2]
    except binascii.Error:
        return b""


def _forged(asked: Asked) -> Answer | None:
    """Why a POST may come from a page of another origin."""
    if asked.headers.get("Content-Type", "").partition(";")[0].strip().lower() != JSON:
        return failure(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"a body has the type {JSON}")
    site = asked.headers.get("Sec-Fetch-Site", "")
    origin = asked.headers.get("Origin", "").partition("://")[2]
    other = origin != asked.headers.get("Host", "") if "Origin" in asked.headers else False
    if site not in {"", "same-origin"} or (not site and other):
        return failure(HTTPStatus.FORBIDDEN, "only a page of this server may do that")
    return None
