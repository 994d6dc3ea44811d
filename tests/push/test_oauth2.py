"""Tokens from a real authorization server, over TLS."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from pipeline.app.job import Job
from pipeline.config import load
from pipeline.kafka.connection import Tls
from pipeline.push.destination import RejectedError, UnavailableError
from pipeline.push.http import Http, OAuth2
from pipeline.push.http_client import Client
from pipeline.push.oauth2 import Tokens
from tests.real.oauth2_server import CLIENT, SECRET, OAuth2Server, oauth2_server
from tests.support.certificates import Authority

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca") / "ca")


@pytest.fixture
def server(authority: Authority) -> Iterator[OAuth2Server]:
    with oauth2_server(authority, 3600) as found:
        yield found


def settings(server: OAuth2Server, authority: Authority, folder: Path) -> OAuth2:
    (folder / "secret").write_text(f"{SECRET}\n")
    return OAuth2(
        token_url=f"{server.url}/token",
        client_id=CLIENT,
        client_secret_file="secret",  # noqa: S106 - the name of a file
        scopes=["logs.write", "logs.read"],
        endpoint_params={"audience": "loki & co"},
        tls=Tls(ca=str(authority.certificate)),
    )


class Clock:
    """A time that stands still."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def client(own: OAuth2, authority: Authority, folder: Path) -> Client:
    return Client(Http(oauth2=own, tls=Tls(ca=str(authority.certificate))), folder, 20)


def test_what_is_asked_for(server: OAuth2Server, authority: Authority, tmp_path: Path) -> None:
    """One token for several requests, with scopes and parameters; the login is in the header."""
    pushes = client(settings(server, authority, tmp_path), authority, tmp_path)
    for _ in range(3):
        pushes.post(f"{server.url}/push", b"lines", {})
    pushes.close()
    seen = server.seen()
    assert seen.tokens == [
        {
            "grant_type": ["client_credentials"],
            "scope": ["logs.write logs.read"],
            "audience": ["loki & co"],
        }
    ]
    assert (seen.logins, seen.pushes) == ([CLIENT], [204, 204, 204])


def test_a_server_that_wants_the_login_in_the_form(
    server: OAuth2Server, authority: Authority, tmp_path: Path
) -> None:
    """It is tried once, and remembered."""
    server.wants_forms()
    own = settings(server, authority, tmp_path)
    tokens = Tokens(own, tmp_path, 20)
    first = tokens.header()
    tokens.renew()
    assert tokens.header() != first
    seen = server.seen()
    assert seen.logins == [CLIENT, "", ""]
    login = {"client_id": [CLIENT], "client_secret": [SECRET]}
    assert [login.items() <= form.items() for form in seen.tokens] == [False, True, True]
    tokens.close()


def test_a_token_is_replaced_before_it_expires(
    server: OAuth2Server, authority: Authority, tmp_path: Path
) -> None:
    clock = Clock()
    tokens = Tokens(settings(server, authority, tmp_path), tmp_path, 20, clock)
    first = tokens.header()
    clock.now += 3600 - 11
    assert tokens.header() == first
    clock.now += 1
    assert tokens.header() != first
    assert len(server.seen().tokens) == 2
    tokens.close()


def test_a_token_that_was_taken_back(
    server: OAuth2Server, authority: Authority, tmp_path: Path
) -> None:
    """401 is answered with another token, once for each request."""
    pushes = client(settings(server, authority, tmp_path), authority, tmp_path)
    pushes.post(f"{server.url}/push", b"lines", {})
    server.revoke()
    pushes.post(f"{server.url}/push", b"lines", {})
    assert server.seen().pushes == [204, 401, 204]
    assert len(server.seen().tokens) == 2
    pushes.close()


def test_a_server_that_takes_no_token(
    server: OAuth2Server, authority: Authority, tmp_path: Path
) -> None:
    """It is told two, and the batch is rejected."""
    own = settings(server, authority, tmp_path)
    with oauth2_server(authority, 3600) as other:
        pushes = client(own, authority, tmp_path)
        with pytest.raises(RejectedError, match=r"^401$"):
            pushes.post(f"{other.url}/push", b"lines", {})
        assert other.seen().pushes == [401, 401]
        pushes.close()
    assert len(server.seen().tokens) == 2


def test_a_secret_is_read_for_each_token(
    server: OAuth2Server, authority: Authority, tmp_path: Path
) -> None:
    """A wrong one is told, without it, and the batch is sent again when it has been replaced."""
    own = settings(server, authority, tmp_path)
    (tmp_path / "secret").write_text("guess")
    pushes = client(own, authority, tmp_path)
    with pytest.raises(UnavailableError) as error:
        pushes.post(f"{server.url}/push", b"lines", {})
    said = f"no token from {server.url}/token: 401 "
    assert str(error.value).startswith(said)
    assert "invalid_client" in str(error.value)
    assert "guess" not in str(error.value)
    (tmp_path / "secret").write_text(SECRET)
    pushes.post(f"{server.url}/push", b"lines", {})
    assert server.seen().logins == [CLIENT, "", CLIENT]
    assert server.seen().pushes == [204]
    pushes.close()


def test_what_else_may_be_wrong(server: OAuth2Server, authority: Authority, tmp_path: Path) -> None:
    """Each is worth another attempt."""
    own = settings(server, authority, tmp_path)
    for changed, reason in (
        ({"tls": Tls()}, "self-signed|unable to get local issuer"),
        ({"client_secret_file": "none"}, r"cannot read .*none: No such file"),
        ({"token_url": f"{server.url}/none"}, "no token from .*/none: 404"),
        ({"token_url": f"{server.url}/revoke"}, "no token from .*/revoke: .*[Mm]issing"),
        ({"token_url": "https://127.0.0.1:1/"}, "Connection refused"),
    ):
        pushes = client(msgspec.structs.replace(own, **changed), authority, tmp_path)
        with pytest.raises(UnavailableError, match=reason):
            pushes.post(f"{server.url}/push", b"lines", {})
        pushes.close()
    assert server.seen().pushes == []


def test_as_flowlogs_pipeline_is_told(
    server: OAuth2Server, authority: Authority, tmp_path: Path
) -> None:
    """From its file to the server, which is where Loki would be."""
    (tmp_path / "flows.json").write_text('{"Bytes": 1}\n')
    (tmp_path / "secret").write_text(SECRET)
    (tmp_path / "flp.yaml").write_text(f"""
        pipeline: [{{name: in}}, {{name: loki, follows: in}}]
        parameters:
        - name: in
          ingest: {{type: file, file: {{filename: flows.json, decoder: {{type: json}}}}}}
        - name: loki
          write:
            type: loki
            loki:
              url: {server.url}
              staticLabels: {{app: flows}}
              clientConfig:
                tls_config: {{ca_file: {authority.certificate}}}
                oauth2:
                  client_id: {CLIENT}
                  client_secret_file: {tmp_path}/secret
                  token_url: {server.url}/token
                  tls_config: {{ca_file: {authority.certificate}}}
    """)
    job = Job(load(tmp_path / "flp.yaml"))
    job.run()
    job.close()
    assert (len(server.seen().tokens), server.seen().pushes) == (1, [204])
