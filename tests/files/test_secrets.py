"""Files of secrets: who may read them, and how long they may be."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pipeline.files import secret, warn_if_open


@pytest.fixture(autouse=True)
def _no_pod(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)


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


@pytest.mark.parametrize("name", ["/dev/zero", "long"])
def test_a_secret_without_end_is_not_read(tmp_path: Path, name: str) -> None:
    """It filled the memory; a pipe without a writer, which waited for ever, has no secret."""
    (tmp_path / "long").write_bytes(b"a" * (1 << 20) + b"b")
    with pytest.raises(OSError, match="it is longer than 1048576 bytes"):
        secret(tmp_path / name)
    os.mkfifo(tmp_path / "pipe")
    assert secret(tmp_path / "pipe") == ""
