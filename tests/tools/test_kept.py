"""`make kafka` and `make kube` refuse a folder or a port that is in use, and say by what."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from tests.real import kept
from tests.real.parts import LOCALHOST


def test_a_folder_is_for_one_process_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second one is told which process has it; afterwards the folder is free again."""
    monkeypatch.setenv("DIR", str(tmp_path / "own"))
    with kept.folder("kafka") as path:
        assert path == tmp_path / "own"
        with pytest.raises(SystemExit) as refused, kept.folder("kafka"):
            pass
        assert str(refused.value) == (
            f"{path} is in use by process {os.getpid()}: end that one first, "
            "or choose another folder: make kafka DIR=FOLDER"
        )
    with kept.folder("kafka"):
        pass


def test_a_port_that_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as other:
        other.bind((LOCALHOST, 0))
        other.listen()
        number = other.getsockname()[1]
        with pytest.raises(SystemExit, match=rf"port {number} .*make kafka PORT=NUMBER"):
            kept.port("kafka", number)
        monkeypatch.setenv("PORT", str(number))
        with pytest.raises(SystemExit, match=rf"port {number} "):
            kept.port("kafka", 9092)


def test_the_port_can_be_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as probe:
        probe.bind((LOCALHOST, 0))
        free = probe.getsockname()[1]
    monkeypatch.setenv("PORT", str(free))
    assert kept.port("kafka", 9092) == free
