"""Files of users: inputs that may be pipes, secrets, and outputs that only their owner reads."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import pytest

from pipeline.dead_letters.file import DeadLetterFile
from pipeline.diagnostics import ConfigError
from pipeline.files import opened, private, secret, warn_if_open
from pipeline.yaml import document


@pytest.fixture(autouse=True)
def _no_pod(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)


def test_a_pipe_that_nobody_writes_to_is_empty(tmp_path: Path) -> None:
    """It held a reload, and the end of the process, for ever."""
    os.mkfifo(tmp_path / "pipe")
    with opened(tmp_path / "pipe") as file:
        assert file.read() == b""
    assert document.content(tmp_path / "pipe") == b""


def test_a_pipe_is_read_to_its_end() -> None:
    reading, writing = os.pipe()

    def write() -> None:
        os.write(writing, b"stages: []")
        os.close(writing)

    writer = threading.Timer(0.2, write)
    writer.start()
    with opened(Path(f"/dev/fd/{reading}")) as file:
        assert file.read() == b"stages: []"
    writer.join()
    os.close(reading)


@pytest.mark.parametrize("name", ["nothing", "folder", "loop"])
def test_what_cannot_be_read_is_said(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(ConfigError, match=f"{name}: error: cannot be read: "):
        document.content(tmp_path / name)


def test_a_secret_that_all_can_read_is_warned_of_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, mode in (("open", 0o644), ("own", 0o600), ("group", 0o640)):
        (tmp_path / name).write_text("word\n")
        (tmp_path / name).chmod(mode)
        assert secret(tmp_path / name) == "word"
        warn_if_open(tmp_path / name)
    assert caplog.messages == [
        f"{tmp_path}/open is a secret that every user can read: chmod 600 it"
    ]
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    (tmp_path / "own").chmod(0o644)
    warn_if_open(tmp_path / "own")
    assert len(caplog.messages) == 1


def test_what_is_private_is_so_whatever_was_there(tmp_path: Path) -> None:
    path = tmp_path / "letters"
    path.write_text("old")
    path.chmod(0o644)
    with DeadLetterFile(path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with open(os.devnull, "wb", opener=private):
        assert stat.S_IMODE(Path(os.devnull).stat().st_mode) != 0o600
