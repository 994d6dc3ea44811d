"""How users say how to reach a server of HTTP: TLS, who asks, and by which way.

Secrets are best in files, which are read for each connection anew: only their names are shown.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import msgspec
from msgspec import Meta

from pipeline.diagnostics import Problem
from pipeline.files import Secret
from pipeline.kafka.connection import Tls, check

_URL = r"https?://[^\s/?#@]+(/[^\s?#]*)?"
Url = Annotated[
    str,
    Meta(
        pattern=rf"^{_URL}$(?!\n)",
        extra={"expected": "a URL such as http://loki:3100, without login"},
    ),
]
_Proxy = Annotated[
    str,
    Meta(
        pattern=rf"^({_URL})?$(?!\n)",
        extra={"expected": "a URL such as http://proxy:3128, without login"},
    ),
]


class Authorization(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """The header Authorization: a scheme, and its credentials, better the content of a file."""

    scheme: str = "Bearer"
    credentials: Secret = ""
    credentials_file: str = ""


class BasicAuth(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """A name and a password, which is better the content of a file; so may be the name."""

    username: str = ""
    username_file: str = ""
    password: Secret = ""
    password_file: str = ""


class Http(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """How to reach a server of HTTP.

    `tls` is for URLs with https, `server_name` the name that its certificate has to have, by
    default that of the URL. `headers` go with each request.
    """

    tls: Tls = Tls()
    server_name: str = ""
    basic_auth: BasicAuth | None = None
    authorization: Authorization | None = None
    headers: dict[str, str] = {}
    proxy: _Proxy = ""


def problems(http: Http) -> Iterator[Problem]:
    """What is wrong beyond types; the files themselves may come later."""
    yield from check(http.tls, None)
    if http.basic_auth and http.authorization:
        yield Problem(("basic_auth",), "give one of basic_auth and authorization")
    for part, name in (
        ("basic_auth", "username"),
        ("basic_auth", "password"),
        ("authorization", "credentials"),
    ):
        login = getattr(http, part)
        if login and getattr(login, name) and getattr(login, f"{name}_file"):
            yield Problem((part,), f"give one of {name} and {name}_file")
    if http.authorization and http.authorization == Authorization():
        yield Problem(("authorization",), 'missing field "credentials_file"')
