"""Who asks a server of HTTP: the header Authorization, of a password, a token, or OAuth 2."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from pipeline.files import secret
from pipeline.push.destination import UnavailableError
from pipeline.push.http import Http


class Login(Protocol):
    """What proves who asks; used by one thread."""

    def header(self) -> Mapping[str, str]:
        """The header of a request, now. Raises UnavailableError."""

    def renew(self) -> bool:
        """The server did not accept it: whether there may be another header."""

    def close(self) -> None:
        """End its connections."""


class _Fixed:
    """A header that stays the same."""

    def __init__(self, authorization: str = "") -> None:
        self._header = {"Authorization": authorization} if authorization else {}

    def header(self) -> Mapping[str, str]:
        return self._header

    def renew(self) -> bool:
        return False

    def close(self) -> None:
        """There are none."""


def login(http: Http, folder: Path, timeout: float) -> Login:
    """What a server is told of who asks. Raises UnavailableError when a file cannot be read."""
    if http.oauth2:
        from pipeline.push.oauth2 import Tokens  # noqa: PLC0415 - slow, few need it

        return Tokens(http.oauth2, folder, timeout)
    if http.authorization:
        own = http.authorization
        credentials = own.credentials or content(folder, own.credentials_file)
        return _Fixed(f"{own.scheme} {credentials}")
    if http.basic_auth:
        basic = http.basic_auth
        name = basic.username or content(folder, basic.username_file)
        return _Fixed(encoded(name, basic.password or content(folder, basic.password_file)))
    return _Fixed()


def encoded(name: str, password: str) -> str:
    """The value of the header for a name and a password (RFC 7617)."""
    return f"Basic {base64.b64encode(f'{name}:{password}'.encode()).decode()}"


def content(folder: Path, name: str) -> str:
    """The secret in a file; without a name, "". Raises UnavailableError."""
    try:
        return secret(folder / name) if name else ""
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not a text"
        raise UnavailableError(f"cannot read {folder / name}: {reason}") from None
