"""Certificates of a server: TLS, mutual TLS, renewed ones, and files that are not usable."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import grpc
import pytest

from pipeline.decode.records import entries
from pipeline.grpc import credentials
from pipeline.grpc.collector import Collector, Room
from pipeline.grpc.server import Limits, Server
from tests.support.agents import agent, trust
from tests.support.certificates import Authority


def served(files: credentials.Files) -> Server:
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
    with served(credentials.Files(*ours.issue("server"))) as server:
        assert not refused(server, trust(ours.certificate))
        assert refused(server, trust(other.certificate))
        assert refused(server, None)


def test_mutual_tls(tmp_path: Path) -> None:
    """Only who has a certificate of that authority comes in."""
    servers, clients = Authority(tmp_path / "servers"), Authority(tmp_path / "clients")
    files = credentials.Files(*servers.issue("server"), clients.certificate)
    with served(files) as server:
        assert not refused(server, trust(servers.certificate, clients.issue("agent")))
        assert refused(server, trust(servers.certificate, servers.issue("stranger")))
        assert refused(server, trust(servers.certificate))


def test_a_renewed_certificate_is_used(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Without a restart; while the files do not belong together the old one is used."""
    old, new = Authority(tmp_path / "old"), Authority(tmp_path / "new")
    cert, key = (Path(shutil.copy(path, tmp_path)) for path in old.issue("server"))
    fresh_cert, fresh_key = new.issue("server")
    with served(credentials.Files(cert, key)) as server:
        assert not refused(server, trust(old.certificate))
        fresh_cert.replace(cert)
        assert not refused(server, trust(old.certificate))
        assert "are not a pair" in caplog.text
        fresh_key.replace(key)
        assert not refused(server, trust(new.certificate))
        assert refused(server, trust(old.certificate))


def test_files_that_are_not_usable(tmp_path: Path) -> None:
    ours = Authority(tmp_path / "ours")
    cert, key = ours.issue("server")
    _, other = ours.issue("other")
    with pytest.raises(OSError, match="are not a pair: KEY_VALUES_MISMATCH"):
        credentials.server(credentials.Files(cert, other))
    with pytest.raises(OSError, match="has no certificate"):
        credentials.server(credentials.Files(cert, key, key))
    with pytest.raises(FileNotFoundError):
        credentials.server(credentials.Files(tmp_path / "away", key))


def test_a_key_that_all_can_read_is_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    cert, key = Authority(tmp_path / "ours").issue("server")
    key.chmod(0o644)
    credentials.server(credentials.Files(cert, key))
    assert f"{key} is a secret that every user can read" in caplog.text
