"""Certificates that are renewed while a server runs, as cert-manager and mounted Secrets do it."""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import HTTPSHandler, build_opener

import pytest

from pipeline.api.access import Access
from pipeline.api.server import Answers, Server
from pipeline.api.tls import Tls
from tests.support.certificates import Authority

pytestmark = pytest.mark.slow
HOST = "127.0.0.1"


class Mounted:
    """A Secret in a folder: `..data` points at the newest version, the files at those behind it."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._folder, self._number = folder, 0
        self.cert, self.key, self.ca = (folder / name for name in ("tls.crt", "tls.key", "ca.crt"))
        for path in (self.cert, self.key, self.ca):
            path.symlink_to(f"..data/{path.name}")

    def put(self, cert: bytes, key: bytes, ca: bytes) -> None:
        """A new version of all files at once."""
        self._number += 1
        version = self._folder / f"..{self._number}"
        version.mkdir()
        for path, content in [(self.cert, cert), (self.key, key), (self.ca, ca)]:
            (version / path.name).write_bytes(content)
        link = self._folder / "..data_tmp"
        link.symlink_to(version.name)
        link.rename(self._folder / "..data")


@pytest.fixture
def authorities(tmp_path: Path) -> list[Authority]:
    return [Authority(tmp_path / name) for name in ("old", "new")]


@pytest.fixture
def mounted(tmp_path: Path, authorities: list[Authority]) -> Mounted:
    secret = Mounted(tmp_path / "secret")
    secret.put(*files(authorities[0]))
    return secret


def files(authority: Authority, callers: Authority | None = None) -> tuple[bytes, bytes, bytes]:
    """Certificate and key of a server, and who signs its callers."""
    cert, key = authority.issue(HOST)
    return cert.read_bytes(), key.read_bytes(), (callers or authority).certificate.read_bytes()


@pytest.fixture
def changing(mounted: Mounted) -> Iterator[tuple[Server, Mounted]]:
    """A server with these files."""
    tls = str(mounted.cert), str(mounted.key)
    answers = Answers(lambda _: "x 1\n", str, {"secret": lambda _: "s"})
    access = Access(client_ca=True, hosts=[HOST])
    with Server(f"{HOST}:0", answers, *tls, client_ca=str(mounted.ca), access=access) as running:
        yield running, mounted


def asked(server: Server, trusted: Authority, own: Path | None = None) -> bytes:
    """The document for callers with a certificate."""
    context = ssl.create_default_context(cafile=trusted.certificate)
    if own:
        context.load_cert_chain(own)
    opener = build_opener(HTTPSHandler(context=context))
    with opener.open(f"{server.url}/api/v0/secret", timeout=60) as answer:
        return bytes(answer.read())


def test_a_certificate_that_is_renewed(
    changing: tuple[Server, Mounted], authorities: list[Authority]
) -> None:
    """Whoever trusts the new authority gets in, with a certificate of it; who has the old one
    alone does not.
    """
    server, mounted = changing
    old, new = authorities
    before, after = old.pair("caller"), new.pair("caller")
    assert asked(server, old, before) == b'"s"'
    mounted.put(*files(new))
    assert asked(server, new, after) == b'"s"'
    with pytest.raises(URLError, match="CERTIFICATE_VERIFY_FAILED"):
        asked(server, old, before)
    with pytest.raises((HTTPError, URLError, OSError)):
        asked(server, new, before)


def test_an_authority_of_callers_alone(
    changing: tuple[Server, Mounted], authorities: list[Authority]
) -> None:
    server, mounted = changing
    old, new = authorities
    cert, key, _ = files(old)
    mounted.put(cert, key, new.certificate.read_bytes())
    assert asked(server, old, new.pair("caller")) == b'"s"'
    with pytest.raises((HTTPError, URLError, OSError)):
        asked(server, old, old.pair("caller"))


@pytest.mark.parametrize(
    ("part", "content"), [(0, b""), (0, b"-----BEGIN CERTIFICATE-----\nA"), (1, b"x"), (2, b"x")]
)
def test_files_that_cannot_be_used_leave_those_before_in_force(
    changing: tuple[Server, Mounted],
    authorities: list[Authority],
    caplog: pytest.LogCaptureFixture,
    part: int,
    content: bytes,
) -> None:
    """Certificate, key or authority: each is told once."""
    server, mounted = changing
    old, new = authorities
    caller = old.pair("caller")
    spoilt = list(files(new))
    spoilt[part] = content
    mounted.put(*spoilt)
    assert asked(server, old, caller) == asked(server, old, caller) == b'"s"'
    (error,) = [one for one in caplog.records if one.levelname == "ERROR"]
    assert "TLS goes on with the certificates from before" in error.getMessage()
    assert str(mounted.cert.parent) in error.getMessage()
    mounted.put(*files(new))
    assert asked(server, new, new.pair("caller")) == b'"s"'


def test_a_key_that_comes_a_moment_after_its_certificate(
    tmp_path: Path, authorities: list[Authority], caplog: pytest.LogCaptureFixture
) -> None:
    """Also files that are gone for a moment: what is there at last is taken."""
    old, new = authorities
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    cert.write_bytes(files(old)[0])
    key.write_bytes((tmp_path / "old" / f"{HOST}.key").read_bytes())
    tls = Tls(str(cert), str(key))
    first = tls.context()
    assert tls.context() is first
    later = files(new)
    cert.write_bytes(later[0])
    assert tls.context() is first
    assert "is not the certificate of the key" in caplog.text
    key.unlink()
    assert tls.context() is first
    key.write_bytes(later[1])
    assert tls.context() is not first


def test_a_connection_that_stays_is_held_to_the_new_authority(
    changing: tuple[Server, Mounted], authorities: list[Authority]
) -> None:
    """Whoever keeps a connection open does not keep an access that was taken away."""
    server, mounted = changing
    old, new = authorities
    context = ssl.create_default_context(cafile=old.certificate)
    context.load_cert_chain(old.pair("caller"))
    port = int(server.url.rpartition(":")[2])
    with closing(http.client.HTTPSConnection(HOST, port, timeout=60, context=context)) as kept:
        kept.request("GET", "/api/v0/secret")
        answer = kept.getresponse()
        assert (answer.read(), answer.will_close) == (b'"s"', False)
        mounted.put(*files(new))
        kept.request("GET", "/api/v0/secret")
        answer = kept.getresponse()
        answer.read()
        assert answer.will_close
        with pytest.raises((ssl.SSLError, OSError)):
            kept.request("GET", "/api/v0/secret")


def test_a_server_does_not_start_with_files_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "cert.pem").write_text("none")
    with pytest.raises(OSError, match=r"(?i)pem"):
        Server(f"{HOST}:0", Answers(lambda _: "", str), str(tmp_path / "cert.pem"))


@pytest.mark.parametrize("wrong", ["cert", "key", "ca", "other"])
def test_what_cannot_be_used_is_named(
    tmp_path: Path, authorities: list[Authority], wrong: str
) -> None:
    """At the start: OpenSSL alone says `PEM lib` of each."""
    own, other = (authority.issue(HOST) for authority in authorities)
    none = tmp_path / "none.pem"
    none.touch()
    files = {"cert": own[0], "key": own[1], "ca": authorities[0].certificate}
    files |= {"key": other[1]} if wrong == "other" else {wrong: none}
    with pytest.raises(OSError, match=r"\.(pem|key)") as refused:
        Tls(*map(str, files.values()))
    named = str(files["key" if wrong == "other" else wrong])
    assert named in str(refused.value)
    assert "_ssl.c" not in str(refused.value)
