"""Certificates of a server: TLS, mutual TLS, renewed ones, and files that are not usable."""

from __future__ import annotations

import shutil
import socket
import ssl
import sys
from pathlib import Path
from typing import Any

import grpc
import pytest
import yaml

from pipeline.decode.records import entries
from pipeline.files.pem import Files
from pipeline.grpc import credentials
from pipeline.grpc.collector import Collector, Room
from pipeline.grpc.server import Limits, Server
from tests.real import parts
from tests.support.agents import agent, trust
from tests.support.certificates import Authority

COMMAND = str(Path(sys.executable).with_name("flowmatrix"))


def served(files: Files) -> Server:
    collector = Collector("the collector", entries, Room(10, 1 << 20))
    return Server("127.0.0.1:0", Limits(1 << 20, 10, 10), collector, credentials.server(files))


def refused(server: Server, trusted: grpc.ChannelCredentials | None) -> bool:
    """Whether no connection stands: the channel says so at once where it does not wait."""
    with agent(server.port, credentials=trusted) as sender:
        error: Any = sender._send.future(b"", timeout=60).exception()
    assert error is None or error.code() is grpc.StatusCode.UNAVAILABLE
    return error is not None


def test_tls(tmp_path: Path) -> None:
    ours, other = Authority(tmp_path / "ours"), Authority(tmp_path / "other")
    with served(Files(*ours.issue("server"))) as server:
        assert not refused(server, trust(ours.certificate))
        assert refused(server, trust(other.certificate))
        assert refused(server, None)


def test_mutual_tls(tmp_path: Path) -> None:
    """Only who has a certificate of that authority comes in."""
    servers, clients = Authority(tmp_path / "servers"), Authority(tmp_path / "clients")
    files = Files(*servers.issue("server"), clients.certificate)
    with served(files) as server:
        assert not refused(server, trust(servers.certificate, clients.issue("agent")))
        assert refused(server, trust(servers.certificate, servers.issue("stranger")))
        assert refused(server, trust(servers.certificate))


def test_a_renewed_certificate_is_used(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Without a restart; while the files do not belong together the old one is used."""
    old, new = Authority(tmp_path / "old"), Authority(tmp_path / "new")
    cert, key = (Path(shutil.copy(path, tmp_path)) for path in old.issue("server"))
    fresh_cert, fresh_key = new.issue("server")
    with served(Files(cert, key)) as server:
        assert not refused(server, trust(old.certificate))
        fresh_cert.replace(cert)
        assert not refused(server, trust(old.certificate))
        assert "is not the certificate of the key" in caplog.text
        fresh_key.replace(key)
        assert not refused(server, trust(new.certificate))
        assert refused(server, trust(old.certificate))


def test_files_that_are_not_usable(tmp_path: Path) -> None:
    ours = Authority(tmp_path / "ours")
    cert, key = ours.issue("server")
    _, other = ours.issue("other")
    with pytest.raises(OSError, match="is not the certificate of the key"):
        credentials.server(Files(cert, other))
    with pytest.raises(OSError, match="has no certificate"):
        credentials.server(Files(cert, key, key))
    with pytest.raises(FileNotFoundError):
        credentials.server(Files(tmp_path / "away", key))


def test_a_key_that_all_can_read_is_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    cert, key = Authority(tmp_path / "ours").issue("server")
    key.chmod(0o644)
    credentials.server(Files(cert, key))
    assert f"{key} is a secret that every user can read" in caplog.text


def _speaks(port: int, version: ssl.TLSVersion, authority: Path) -> bool:
    """Whether a handshake of this version succeeds."""
    context = ssl.create_default_context(cafile=authority)
    context.minimum_version = context.maximum_version = version
    context.set_alpn_protocols(["h2"])
    try:
        with (
            socket.create_connection(("127.0.0.1", port), timeout=60) as plain,
            context.wrap_socket(plain, server_hostname="127.0.0.1"),
        ):
            return True
    except (ssl.SSLError, ConnectionError):
        return False


@pytest.mark.slow
@pytest.mark.parametrize(("suites", "older"), [("", True), ("ECDHE-PSK-CHACHA20-POLY1305", False)])
def test_tls_1_3_alone(tmp_path: Path, suites: str, *, older: bool) -> None:
    """As docs/grpc.md says: with suites that need a shared key, TLS 1.2 has none left."""
    ours = Authority(tmp_path / "ours")
    cert, key = ours.issue("server")
    port = parts.free_port()
    stages = [
        {
            "name": "agents",
            "type": "ingest_grpc",
            "listen": f"127.0.0.1:{port}",
            "tls_cert": str(cert),
            "tls_key": str(key),
        },
        {"name": "seen", "type": "write_stdout", "follows": "agents"},
    ]
    (tmp_path / "p.yaml").write_text(yaml.safe_dump({"stages": stages}))
    command = [COMMAND, "run", str(tmp_path / "p.yaml"), "--listen", "127.0.0.1:0"]
    own = {"GRPC_SSL_CIPHER_SUITES": suites} if suites else {}
    with parts.Server(
        ["env", *(f"{name}={text}" for name, text in own.items()), *command], tmp_path / "log"
    ) as server:
        server.start(lambda: _speaks(port, ssl.TLSVersion.TLSv1_3, ours.certificate))
        assert _speaks(port, ssl.TLSVersion.TLSv1_2, ours.certificate) is older
