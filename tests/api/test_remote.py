"""What a server answers, within limits, and the credentials that it gets."""

from __future__ import annotations

from itertools import chain, repeat
from pathlib import Path

import pytest

from pipeline.api.access import Access
from pipeline.api.credentials import CA_FILE, CERT_FILE, TOKEN_FILE
from pipeline.api.remote import RemoteError, fetch
from pipeline.api.server import Answers, Server
from tests.support.certificates import Authority
from tests.support.hostile import answered, hostile

ANSWERS = Answers(lambda _: "x 1\n", lambda: "", {"totals": lambda _: "counted"})


def test_an_answer() -> None:
    with hostile([answered(b"all of it")]) as url:
        assert fetch(url, 100) == b"all of it"


@pytest.mark.parametrize(
    ("pieces", "why"),
    [
        ([answered(b"x" * 2000)], "its answer is longer than 0 MB"),
        (chain([b"HTTP/1.1 200 OK\r\n\r\n"], repeat(b"x" * 999)), "its answer is longer than 0 MB"),
        ([b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"], "its answer ends too early"),
        (chain([b"HTTP/1.1 200 OK\r\n"], repeat(b"X: y\r\n")), "got more than 100 headers"),
        ([b"HTTP/1.1 200 " + b"x" * 70_000], "got more than 65536 bytes"),
        ([b"SSH-2.0-OpenSSH\r\n"], "SSH-2.0-OpenSSH"),
        ([], "Remote end closed connection without response"),
        ([answered(b"", "302 Found", "Location: http://127.0.0.1:1/")], "HTTP Error 302: Found"),
        ([answered(b"", "302 Found", "Location: file:///etc/passwd")], "HTTP Error 302: Found"),
        ([answered(b'{"error":"not now"}', "503 Busy")], "not now"),
        ([answered(b'{"error":1}', "503 Busy")], "HTTP Error 503: Busy"),
        ([answered(b"\xff", "503 Busy")], "HTTP Error 503: Busy"),
        (chain([b"HTTP/1.1 500 No\r\n\r\n"], repeat(b"x" * 999)), "HTTP Error 500: No"),
    ],
)
def test_an_answer_that_is_none(pieces: list[bytes], why: str) -> None:
    with hostile(pieces) as url, pytest.raises(RemoteError) as caught:
        fetch(url, 1000)
    assert str(caught.value).startswith(f"cannot ask {url}: ")
    assert why in str(caught.value)


def test_an_answer_that_never_ends_takes_so_long_and_no_longer() -> None:
    endless = chain([b"HTTP/1.1 200 OK\r\n\r\n"], repeat(b"x"))
    with hostile(endless) as url, pytest.raises(RemoteError, match="its answer takes too long"):
        fetch(url, 1 << 40, patience=2.0)


def test_the_token_of_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "token"
    file.write_text("let-me-in\nand-me\n")
    with Server("127.0.0.1:0", ANSWERS, access=Access(file)) as server:
        url = f"{server.url}/api/v0/totals"
        with pytest.raises(RemoteError, match=r"it takes the token of server\.token_file"):
            fetch(url, 1000)
        monkeypatch.setenv(TOKEN_FILE, str(file))
        assert fetch(url, 1000) == b'"counted"'
        monkeypatch.setenv(TOKEN_FILE, str(tmp_path / "none"))
        with pytest.raises(RemoteError, match="No such file"):
            fetch(url, 1000)


def test_a_file_without_a_token_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty token was sent, and the server said that it wants one."""
    (tmp_path / "token").touch()
    monkeypatch.setenv(TOKEN_FILE, str(tmp_path / "token"))
    with pytest.raises(RemoteError, match="token has no token"):
        fetch("http://127.0.0.1:1/", 1000)


def test_a_token_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """A device was read until the memory was full."""
    monkeypatch.setenv(TOKEN_FILE, "/dev/zero")
    with pytest.raises(RemoteError, match="it is longer than 1048576 bytes"):
        fetch("http://127.0.0.1:1/", 1000)


@pytest.mark.parametrize("told", ["", "http://me:secret@worker:9102/api/v0/who"])
def test_a_login_in_a_url_is_refused_and_not_shown(told: str) -> None:
    with pytest.raises(RemoteError) as caught:
        fetch("http://me:secret@worker:9102/api/v0/who?address=::1", 1000, told=told)
    assert str(caught.value).startswith("cannot ask http://worker:9102/api/v0/who")
    assert "has no login" in str(caught.value)
    assert "secret" not in str(caught.value)


def test_certificates_of_both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who signed the server's is known, and the server knows who signed the client's."""
    authority, other = Authority(tmp_path / "ca"), Authority(tmp_path / "other")
    cert, key = authority.issue("127.0.0.1")
    access = Access(client_ca=True)
    with Server(
        *("127.0.0.1:0", ANSWERS, str(cert), str(key)),
        client_ca=str(authority.certificate),
        access=access,
    ) as server:
        url = f"{server.url}/api/v0/totals"
        with pytest.raises(RemoteError, match="certificate verify failed"):
            fetch(url, 1000)
        monkeypatch.setenv(CA_FILE, str(authority.certificate))
        with pytest.raises(RemoteError, match=r"it takes a certificate of server\.client_ca"):
            fetch(url, 1000)
        assert fetch(f"{server.url}/metrics", 1000) == b"x 1\n"
        monkeypatch.setenv(CERT_FILE, str(authority.pair("operator")))
        assert fetch(url, 1000) == b'"counted"'
        monkeypatch.setenv(CERT_FILE, str(other.pair("stranger")))
        with pytest.raises(RemoteError):
            fetch(url, 1000)


def test_a_certificate_that_has_ended_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = Authority(tmp_path / "ca").pair("late", days=-1)
    monkeypatch.setenv(CERT_FILE, str(pair))
    with pytest.raises(RemoteError, match=rf"cannot ask .*: {pair}: the certificate ended on 2"):
        fetch("https://127.0.0.1:1/x", 1)


@pytest.mark.parametrize("variable", [CA_FILE, CERT_FILE])
def test_a_file_without_a_certificate_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    file = tmp_path / "cut.pem"
    file.write_text("-----BEGIN CERTIFICATE-----\nMIIB\n")
    monkeypatch.setenv(variable, str(file))
    with pytest.raises(RemoteError, match=f"{file} is not a PEM file of "):
        fetch("https://127.0.0.1:1/x", 1)


@pytest.mark.parametrize("head", [b"", b"HTTP/1.1 500 "])
def test_an_error_repeats_no_more_than_a_part_of_what_was_said(head: bytes) -> None:
    with hostile([head + b"a" * 60_000 + b"\r\n\r\n"]) as url:
        with pytest.raises(RemoteError, match=r"aaa\Z") as caught:
            fetch(url, 100)
        assert len(str(caught.value)) < 1_100


def test_nothing_that_was_said_moves_the_cursor() -> None:
    refused = answered(b'{"error":"\\u001b]0;x\\u0007 no"}', "503 Busy")
    with hostile([refused]) as url, pytest.raises(RemoteError) as caught:
        fetch(url, 100)
    assert str(caught.value) == f"cannot ask {url}: \ufffd]0;x\ufffd no"
