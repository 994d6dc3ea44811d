"""Requests over TLS, with a login, through a proxy, and what is told of those that go wrong."""

from __future__ import annotations

import base64
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from pipeline.kafka.connection import Tls
from pipeline.push.destination import RejectedError, UnavailableError
from pipeline.push.http import Authorization, BasicAuth, Http
from pipeline.push.http_client import Client
from tests.support.certificates import Authority
from tests.support.hostile import TRICKLING, hostile, trickling


class Server(ThreadingHTTPServer):
    """Notes paths and logins; says what it is told to."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[tuple[str, str]] = []
        self.says = (200, b"fine")
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_side=True)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that does not like the certificate is no news."""

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        assert isinstance(self.server, Server)
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked.append((self.path, self.headers.get("Authorization", "")))
        status, body = self.server.says
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as it is there
        """Nothing is printed."""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as found:
        yield found
        found.shutdown()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca") / "ca")


@pytest.fixture
def secure(authority: Authority) -> Iterator[Server]:
    """A server that wants a certificate of its clients."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=authority.certificate)
    context.load_cert_chain(*authority.issue("server"))
    context.verify_mode = ssl.CERT_REQUIRED
    with Server(context) as found:
        yield found
        found.shutdown()


def post(http: Http, url: str, folder: Path = Path()) -> bytes:
    client = Client(http, folder, 20)
    try:
        return client.post(url, b"body", {})
    finally:
        client.close()


def test_certificates_of_both(secure: Server, authority: Authority) -> None:
    cert, key = map(str, authority.issue("client"))
    tls = Tls(ca=str(authority.certificate), cert=cert, key=key)
    assert post(Http(tls=tls), f"https://{secure.host}/p") == b"fine"
    url = f"https://localhost:{secure.server_port}/n"
    assert post(Http(tls=tls, server_name="127.0.0.1"), url) == b"fine"
    skips = Http(tls=Tls(insecure_skip_verify=True, cert=cert, key=key))
    assert post(skips, f"https://{secure.host}/q") == b"fine"
    assert [path for path, _ in secure.asked] == ["/p", "/n", "/q"]


def test_certificates_that_do_not_fit(secure: Server, authority: Authority) -> None:
    """Each is worth another attempt: certificates are renewed while a worker runs."""
    cert, key = map(str, authority.issue("client"))
    url, ca = f"https://{secure.host}/", str(authority.certificate)
    with pytest.raises(UnavailableError, match=r"self-signed|unable to get local issuer"):
        post(Http(tls=Tls(cert=cert, key=key)), url)
    with pytest.raises(UnavailableError, match="match"):
        post(Http(tls=Tls(ca=ca, cert=cert, key=key), server_name="other"), url)
    with pytest.raises(UnavailableError):
        post(Http(tls=Tls(ca=ca)), url)
    with pytest.raises(UnavailableError, match=r"tls: cannot use none\.pem: No such file"):
        post(Http(tls=Tls(ca="none.pem")), url)
    assert secure.asked == []


def test_the_oldest_tls(secure: Server, authority: Authority) -> None:
    """A server without TLS 1.3 is not spoken to where that is asked for."""
    cert, key = map(str, authority.issue("client"))
    http = Http(tls=Tls(ca=str(authority.certificate), cert=cert, key=key), tls_min_version="1.3")
    assert isinstance(secure.socket, ssl.SSLSocket)
    assert post(http, f"https://{secure.host}/p") == b"fine"
    secure.socket.context.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises(UnavailableError, match="protocol version"):
        post(http, f"https://{secure.host}/p")


def test_logins(server: Server, tmp_path: Path) -> None:
    (tmp_path / "name").write_text("me\n")
    (tmp_path / "secret").write_text("s3cret\n")
    for http in (
        Http(basic_auth=BasicAuth(username_file="name", password_file="secret")),  # noqa: S106
        Http(basic_auth=BasicAuth(username="me", password="s3cret")),  # noqa: S106
        Http(authorization=Authorization(scheme="Token", credentials_file="secret")),
        Http(authorization=Authorization(credentials="s3cret")),
        Http(),
    ):
        post(http, f"http://{server.host}/", tmp_path)
    basic = f"Basic {base64.b64encode(b'me:s3cret').decode()}"
    logins = [basic, basic, "Token s3cret", "Bearer s3cret", ""]
    assert [login for _, login in server.asked] == logins


def test_through_a_proxy(server: Server) -> None:
    """Whose requests name the whole URL."""
    post(Http(proxy=f"http://{server.host}"), "http://loki.invalid:3100/p")
    assert server.asked == [("http://loki.invalid:3100/p", "")]


def test_an_answer_is_told_in_short(server: Server) -> None:
    """Its first line, cut, without what moves a cursor."""
    server.says = (400, b"\x1b[2Jno " + b"x" * 500_000 + b"\nmore")
    with pytest.raises(RejectedError) as error:
        post(Http(), f"http://{server.host}/")
    text = str(error.value)
    assert text.startswith("400 ")
    assert "\x1b" not in text
    assert len(text) <= 204


def test_a_certificate_that_has_ended_is_named(tmp_path: Path) -> None:
    cert, key = map(str, Authority(tmp_path / "ca").issue("late", days=-1))
    with pytest.raises(UnavailableError, match=rf"cannot use {cert}: the certificate ended on"):
        Client(Http(tls=Tls(cert=cert, key=key)), Path(), 5)


@pytest.mark.parametrize("place", TRICKLING)
def test_a_server_that_trickles_has_no_more_time(place: str) -> None:
    """It held what is sent to it for ever, as no read of its answer takes long."""
    with (
        hostile(trickling(place)) as url,
        pytest.raises(UnavailableError, match="its answer takes too long"),
    ):
        Client(Http(), Path(), 2.0).post(url, b"x", {})
