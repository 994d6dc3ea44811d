"""Ways to a cluster: what a kubeconfig is, who it says one is, and those that lead nowhere."""

from __future__ import annotations

import re
import time
from base64 import b64encode
from contextlib import closing
from itertools import chain, repeat
from pathlib import Path

import pytest
import yaml

from pipeline.kube.api import client
from pipeline.kube.api.client import ClusterConnection
from pipeline.kube.api.errors import ApiError, ConnectError, UnreachableError
from tests.real.apiserver import ApiServer
from tests.real.cluster import apply, kubeconfig, service_account, token
from tests.real.kube import Kube
from tests.support.certificates import Authority
from tests.support.hostile import TRICKLING, answered, hostile, trickling

CONFIG = """\
apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: "https://127.0.0.1:1"}}]
users: [{name: u, user: {token: t}}]
contexts: [{name: one, context: {cluster: c, user: u}}]
current-context: one
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "kubeconfig"
    path.write_text(text)
    return path


def test_no_way_to_a_cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No cluster around, no such context and no content are refused with the reason."""
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    with pytest.raises(ConnectError, match="not inside a cluster: Service host/port is not set"):
        ClusterConnection()
    with pytest.raises(ConnectError, match=r'kubeconfig: there is no context "two"'):
        ClusterConnection(written(tmp_path, CONFIG), "two")
    with pytest.raises(ConnectError, match="kubeconfig: "):
        ClusterConnection(written(tmp_path, "kind: Config"))


def test_the_context_that_is_current(tmp_path: Path) -> None:
    """Without a name the current context is used."""
    assert ClusterConnection(written(tmp_path, CONFIG)).host == "https://127.0.0.1:1"


def test_a_certificate_as_kubeadm_writes_it(own_kube_server: Kube, tmp_path: Path) -> None:
    """The files of a kubeconfig may be in it, in base64."""
    path = kubeconfig(own_kube_server.certified, tmp_path)
    document = yaml.safe_load(path.read_text())
    for kind in ("cluster", "user"):
        told = document[f"{kind}s"][0][kind]
        for name in ("certificate-authority", "client-certificate", "client-key"):
            if file := told.pop(name, ""):
                told[f"{name}-data"] = b64encode(Path(file).read_bytes()).decode()
    path.write_text(yaml.safe_dump(document))
    with closing(ClusterConnection(path)) as connection:
        assert b'"NamespaceList"' in connection.fetch("/api/v1/namespaces")


def test_a_token_in_a_file_with_a_line_end(
    kube_server: ApiServer, space: str, tmp_path: Path
) -> None:
    """A token file ends with a line end, as editors write it; the token does not."""
    account = service_account(space, "reader")
    apply(kube_server, account)
    (tmp_path / "token").write_text(f"{token(kube_server, account)}\n")
    path = kubeconfig(kube_server, tmp_path, "x")
    path.write_text(path.read_text().replace("token: x", "tokenFile: token"))
    with (
        closing(ClusterConnection(path)) as connection,
        pytest.raises(ApiError, match=rf'User "system:serviceaccount:{space}:reader" cannot list'),
    ):
        connection.fetch("/api/v1/namespaces")


def test_credentials_that_cannot_be_renewed(tmp_path: Path) -> None:
    """Any way to log in may fail, later too: it is said, and tried again with the next request."""
    connection = ClusterConnection(written(tmp_path, CONFIG))
    settings = connection._client.configuration
    usual = settings.refresh_api_key_hook

    def empty(_: object) -> None:
        raise LookupError("Token file exists but empty.")

    settings.refresh_api_key_hook = empty
    with pytest.raises(ConnectError, match="no credentials: Token file exists but empty"):
        connection.fetch("/version")
    settings.refresh_api_key_hook = usual
    with pytest.raises(UnreachableError):
        connection.fetch("/version")


def test_connections_with_old_credentials_are_closed(
    kube_server: ApiServer, tmp_path: Path
) -> None:
    """Those of a request too that began before the credentials were replaced."""
    made: list[ClusterConnection] = []

    def replaced_meanwhile() -> float:
        if made:
            made.pop()._renew()
        return time.time()

    connection = ClusterConnection(kubeconfig(kube_server, tmp_path), clock=replaced_meanwhile)
    old = connection._client
    made.append(connection)
    assert b"gitVersion" in connection.fetch("/version")
    assert connection._client is not old
    assert len(old.rest_client.pool_manager.pools) == 0
    connection.close()


@pytest.mark.parametrize("place", TRICKLING)
def test_an_api_server_that_trickles_has_no_more_time(place: str, tmp_path: Path) -> None:
    """No read of it takes long, and a list was waited for as long as it liked."""
    with hostile(trickling(place)) as url:
        kubeconfig_of = written(tmp_path, CONFIG.replace("https://127.0.0.1:1", url))
        with (
            closing(ClusterConnection(kubeconfig_of)) as connection,
            pytest.raises(UnreachableError, match="its answer takes too long"),
        ):
            connection.fetch("/api/v1/pods", patience=2.0)


def test_an_answer_without_end_takes_so_much_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "_LARGEST", 2 << 20)
    endless = chain([b"HTTP/1.1 200 OK\r\n\r\n"], repeat(b"x" * 9_999))
    with hostile(endless) as url:
        kubeconfig_of = written(tmp_path, CONFIG.replace("https://127.0.0.1:1", url))
        with (
            closing(ClusterConnection(kubeconfig_of)) as connection,
            pytest.raises(UnreachableError, match="its answer to /x is longer than 2 MB"),
        ):
            connection.fetch("/x")


REDIRECTS = {
    "elsewhere": ("Location: https://me:secret@login.example/in", "https://***@login.example/in"),
    "on the same server": ("Location: /login", "{url}/login"),
    "in control characters": ("Location: http://h/\x1b[2J", "http://h/\ufffd[2J"),
    "nowhere": ("X: y", "nowhere"),
}


@pytest.mark.parametrize("name", REDIRECTS)
@pytest.mark.parametrize("status", ["301 Moved Permanently", "302 Found", "308 Permanent Redirect"])
def test_a_redirect_is_named_with_what_was_asked(name: str, status: str, tmp_path: Path) -> None:
    """A login page before the API server answers so, and its empty body was called truncated."""
    header, where = REDIRECTS[name]
    with hostile([answered(b"", status, header)]) as url:
        path = written(tmp_path, CONFIG.replace("https://127.0.0.1:1", url))
        said = f"{url}/version redirects to {where.format(url=url)}"
        with closing(ClusterConnection(path)) as connection:
            with pytest.raises(ApiError, match=f"^{re.escape(said)}$"):
                connection.fetch("/version", {"x": "y"})
            with pytest.raises(UnreachableError) as caught:
                connection.probe()
    assert str(caught.value) == f"the API server {url} answers {status[:3]}: {said}"


def test_an_empty_answer_is_called_so(tmp_path: Path) -> None:
    with hostile([answered(b"")]) as url:
        path = written(tmp_path, CONFIG.replace("https://127.0.0.1:1", url))
        said = f"the API server {url} does not answer: its answer to /version is empty"
        with (
            closing(ClusterConnection(path)) as connection,
            pytest.raises(UnreachableError, match=f"^{re.escape(said)}$"),
        ):
            connection.probe()


@pytest.mark.parametrize("inside", [False, True])
def test_a_certificate_that_has_ended_is_named(tmp_path: Path, *, inside: bool) -> None:
    """The API server takes it for anonymous, or ends the handshake."""
    cert, key = Authority(tmp_path / "ca").issue("late", days=-1)
    user = {"client-certificate": str(cert), "client-key": str(key)}
    if inside:
        user = {f"{k}-data": b64encode(Path(v).read_bytes()).decode() for k, v in user.items()}
    document = yaml.safe_load(CONFIG) | {"users": [{"name": "u", "user": user}]}
    named = "client-certificate-data" if inside else str(cert)
    with (
        closing(ClusterConnection(written(tmp_path, yaml.safe_dump(document)))) as connection,
        pytest.raises(ConnectError, match=f"^no credentials: {named}: the certificate ended on 2"),
    ):
        connection.fetch("/version")


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ("400 Bad Request\r\n\r\nno", "answers 400: no"),
        ('500 Broken\r\n\r\n{"message": "broken"}', "answers 500: broken"),
        ("200 OK\r\n\r\n<html>", "does not answer with its version: JSON is malformed"),
        ("200 OK\r\n\r\nnull", "does not answer with its version: Expected `object`"),
    ],
)
def test_what_is_no_api_server_is_told_at_once(answer: str, why: str, tmp_path: Path) -> None:
    """`who` waited a minute for its lists."""
    with hostile([f"HTTP/1.1 {answer}".encode()]) as url:
        kubeconfig_of = written(tmp_path, CONFIG.replace("https://127.0.0.1:1", url))
        with (
            closing(ClusterConnection(kubeconfig_of)) as connection,
            pytest.raises(UnreachableError, match=f"^the API server {url} {why}"),
        ):
            connection.probe()


@pytest.mark.parametrize("answer", ["401 Unauthorized", "403 Forbidden", "404 Not Found", "200 OK"])
def test_an_api_server_may_hide_its_version(answer: str, tmp_path: Path) -> None:
    with hostile([f"HTTP/1.1 {answer}\r\n\r\n{{}}".encode()]) as url:
        kubeconfig_of = written(tmp_path, CONFIG.replace("https://127.0.0.1:1", url))
        with closing(ClusterConnection(kubeconfig_of)) as connection:
            connection.probe()
