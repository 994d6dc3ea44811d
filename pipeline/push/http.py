"""How users say how to reach a server of HTTP: TLS, who asks, and by which way.

Secrets are best in files, which are read for each connection anew: only their names are shown.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from pipeline.diagnostics import Problem
from pipeline.files import Secret, Secrets
from pipeline.flows.hosts import of_url
from pipeline.kafka.connection import Tls, check

URL = r"https?://[^\s/?#@]+(/[^\s?#]*)?"
"""A pattern of addresses of servers, without a login, a query and a fragment."""
_Proxy = Annotated[
    str,
    Meta(
        pattern=rf"^({URL})?$(?!\n)",
        extra={
            "expected": "a URL such as http://proxy:3128, without login",
            "check": lambda url: url and of_url(url),
        },
    ),
]


_TokenUrl = Annotated[
    str,
    Meta(
        pattern=r"^https?://[^\s/?#@]+(/[^\s#]*)?$(?!\n)",
        extra={"expected": "a URL such as https://login.example.com/token", "check": of_url},
    ),
]
TlsVersion = Literal["1.2", "1.3"]
_ClientId = Annotated[str, Meta(min_length=1)]
_OWN = {"client_id", "client_secret", "scope"}
_LOGINS = ("basic_auth", "authorization", "oauth2")


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


class Reach(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """The way to a server of HTTP; `server_name` is the name that its certificate has to have."""

    tls: Tls = Tls()
    tls_min_version: TlsVersion = "1.2"
    server_name: str = ""
    proxy: _Proxy = ""


class OAuth2(Reach, frozen=True, kw_only=True):
    """Tokens of OAuth 2, which `token_url` gives to a client with a secret (`client_credentials`).

    The secret is better the content of a file, which is read for each token. `endpoint_params` go
    with each request for one. A token is replaced 10 s before it expires, and once when it is
    answered with 401. `tls`, `tls_min_version`, `server_name` and `proxy` are for `token_url`.
    """

    token_url: _TokenUrl
    client_id: _ClientId
    client_secret: Secret = ""
    client_secret_file: str = ""
    scopes: list[str] = []
    endpoint_params: Secrets = {}


class Http(Reach, frozen=True, kw_only=True):
    """How to reach a server of HTTP.

    `tls` and `tls_min_version` are for URLs with https, `server_name` is the name that its
    certificate has to have, by default that of the URL. `headers` go with each request.
    """

    basic_auth: BasicAuth | None = None
    authorization: Authorization | None = None
    oauth2: OAuth2 | None = None
    headers: Secrets = {}


def problems(http: Http, folder: Path) -> Iterator[Problem]:
    """What is wrong beyond types; the files themselves may come later."""
    yield from check(http.tls, None, folder)
    given = [name for name in _LOGINS if getattr(http, name)]
    if len(given) > 1:
        yield Problem((given[0],), f"give one of {' and '.join(given)}")
    for part, name in (
        ("basic_auth", "username"),
        ("basic_auth", "password"),
        ("authorization", "credentials"),
        ("oauth2", "client_secret"),
    ):
        login = getattr(http, part)
        if login and getattr(login, name) and getattr(login, f"{name}_file"):
            yield Problem((part,), f"give one of {name} and {name}_file")
    if http.authorization and http.authorization == Authorization():
        yield Problem(("authorization",), 'missing field "credentials_file"')
    if http.oauth2:
        yield from (problem.under("oauth2") for problem in _oauth2(http.oauth2, folder))


def _oauth2(own: OAuth2, folder: Path) -> Iterator[Problem]:
    yield from check(own.tls, None, folder)
    for name in _OWN & own.endpoint_params.keys():
        yield Problem(("endpoint_params", name), f'"{name}" has a field of its own')
