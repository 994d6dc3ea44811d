"""Who is answered: by address, credential and name, and what a page of another origin may do."""

from __future__ import annotations

import base64
from collections.abc import Collection
from pathlib import Path

import msgspec
import pytest
from multidict import CIMultiDict

from pipeline.api.access import OPEN, Access, Asked, TokenFile
from pipeline.api.failure import Failure

HERE, BEYOND = "127.0.0.1", "192.0.2.7"
DOCUMENT = "/api/v0/totals"
JSON = {"Content-Type": "application/json"}


def status(access: Access, path: str, peer: str, method: str = "GET", **headers: str) -> int:
    """The status that a request is refused with; 0 where it is answered."""
    named = CIMultiDict({name.replace("_", "-"): value for name, value in headers.items()})
    denied = access.denied(Asked(method, path, peer, named))
    return denied.status if denied else 0


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    path = tmp_path / "token"
    path.write_text("first\nsecond\n")
    return path


@pytest.mark.parametrize("path", sorted(OPEN))
def test_probes_and_scrapes_need_nothing(path: str, token_file: Path) -> None:
    for access in (Access(), Access(token_file), Access(client_ca=True)):
        assert status(access, path, BEYOND, Host="worker.netobserv:9102") == 0


@pytest.mark.parametrize("path", [DOCUMENT, "/", "/page/", "/page/app.js", "/nowhere", "/metrics/"])
def test_all_else_is_for_callers_on_this_machine(path: str) -> None:
    assert status(Access(), path, HERE, Host="localhost:9102") == 0
    for peer in ("::1", "::ffff:127.0.0.1", "127.200.1.1"):
        assert status(Access(), path, peer) == 0
    for peer in (BEYOND, "::ffff:192.0.2.7", "2001:db8::1", "fe80::1%eth0", ""):
        assert status(Access(), path, peer) == 403


def test_who_is_refused_is_told_what_to_set() -> None:
    denied = Access().denied(Asked("GET", DOCUMENT, BEYOND, CIMultiDict()))
    assert denied
    assert "set server.token_file, or server.client_ca" in (
        msgspec.json.decode(denied.body, type=Failure).error
    )


def basic(password: str) -> str:
    return f"Basic {base64.b64encode(f'any:{password}'.encode()).decode()}"


@pytest.mark.parametrize("peer", [HERE, BEYOND])
def test_a_token(peer: str, token_file: Path) -> None:
    """Of a program (Bearer) or of a browser (the password of Basic), and from this machine too."""
    access = Access(token_file)
    for given in ("Bearer first", "bearer  second", basic("first"), basic("second")):
        assert status(access, DOCUMENT, peer, Authorization=given) == 0
    wrong = (
        "Bearer third",
        "Bearer",
        "Bearer firs",
        "first",
        basic("third"),
        "Basic !",
        "Basic",
        "Bearer first second",
        "Bearer f\u00efrst",
        "Basic Zmlyc3Q=",
        "Digest first",
    )
    for given in wrong:
        assert status(access, DOCUMENT, peer, Authorization=given) == 401
    assert status(access, DOCUMENT, peer) == 401


def test_a_browser_is_asked_for_the_token(token_file: Path) -> None:
    denied = Access(token_file).denied(Asked("GET", "/", BEYOND, CIMultiDict(Host="10.0.0.1")))
    assert denied
    assert denied.headers["WWW-Authenticate"].startswith("Bearer, Basic realm=")


def test_a_token_file_that_changes(token_file: Path) -> None:
    tokens = TokenFile(token_file)
    assert tokens.has(b"first")
    token_file.write_text("third\n")
    assert (tokens.has(b"first"), tokens.has(b"third")) == (False, True)
    token_file.write_text("")
    assert (tokens.has(b"third"), tokens.has(b"")) == (False, False)


def test_a_token_file_that_goes_away_is_access_for_nobody(
    token_file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tokens = TokenFile(token_file)
    assert tokens.has(b"first")
    token_file.unlink()
    assert not any(tokens.has(token) for token in (b"first", b"second", b""))
    assert [record.message for record in caplog.records] == [
        f"nobody has access: {token_file}: No such file or directory"
    ]
    token_file.write_text("first")
    assert tokens.has(b"first")


def test_a_client_certificate() -> None:
    access = Access(client_ca=True)
    assert status(access, DOCUMENT, HERE) == 403
    assert access.denied(Asked("GET", DOCUMENT, BEYOND, CIMultiDict(), verified=True)) is None


@pytest.mark.parametrize(
    ("host", "hosts", "known"),
    [
        *((name, (), True) for name in ("", "localhost", "LOCALHOST:9102", "localhost.")),
        *((name, (), True) for name in ("127.0.0.1:1", "10.0.0.1", "[::1]:9102", "a.localhost:1")),
        ("matrix.example:443", ("Matrix.example",), True),
        ("evil.example", ("matrix.example",), False),
        *((name, (), False) for name in ("evil.example:9102", "127.0.0.1.nip.io", "localhost.a")),
    ],
)
def test_a_name_that_a_stranger_made_for_this_server(
    host: str, hosts: Collection[str], *, known: bool
) -> None:
    """DNS rebinding: a web page reads what is on this machine under a name of its own."""
    access = Access(hosts=hosts)
    for path in (DOCUMENT, "/metrics", "/page/"):
        assert status(access, path, HERE, Host=host) == (0 if known else 421)


def test_who_proves_to_have_a_token_may_use_any_name(token_file: Path) -> None:
    given = {"Host": "worker.netobserv:9102", "Authorization": "Bearer first"}
    assert status(Access(token_file), DOCUMENT, BEYOND, **given) == 0


@pytest.mark.parametrize(
    ("headers", "refused"),
    [
        (JSON, 0),
        ({"Content-Type": "application/json; charset=utf-8"}, 0),
        ({}, 415),
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 415),
        (JSON | {"Sec-Fetch-Site": "same-origin"}, 0),
        (JSON | {"Sec-Fetch-Site": "same-origin", "Origin": "https://proxy.example"}, 0),
        (JSON | {"Sec-Fetch-Site": "cross-site"}, 403),
        (JSON | {"Sec-Fetch-Site": "same-site"}, 403),
        (JSON | {"Sec-Fetch-Site": "none"}, 403),
        (JSON | {"Origin": "http://localhost:9102"}, 0),
        (JSON | {"Origin": "http://localhost:8080"}, 403),
        (JSON | {"Origin": "null"}, 403),
    ],
)
def test_a_post_of_another_origin(headers: dict[str, str], refused: int) -> None:
    named = {name.replace("-", "_"): value for name, value in headers.items()}
    found = status(Access(), DOCUMENT, HERE, "POST", Host="localhost:9102", **named)
    assert found == refused
