"""Files of users to read: pipes, folders, devices, and what is too long."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from pipeline.diagnostics import ConfigError
from pipeline.files import behind_links, bounded, content, entries, opened, reading, same
from pipeline.yaml import document


def test_a_pipe_that_nobody_writes_to_is_empty(tmp_path: Path) -> None:
    """It held a reload, and the end of the process, for ever."""
    os.mkfifo(tmp_path / "pipe")
    with opened(tmp_path / "pipe") as file:
        assert file.read() == b""
    assert document.content(tmp_path / "pipe") == b""


def test_a_pipe_whose_writer_says_nothing_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A token, a configuration or a certificate from it held the process for ever."""
    monkeypatch.setattr(reading, "_SILENT", 0.05)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = os.open(pipe, os.O_RDWR)
    with pytest.raises(OSError, match="it is a pipe, and nothing is written to it") as told:
        content(pipe)
    assert told.value.filename == str(pipe)
    os.write(writer, b"a" * 20)
    with pytest.raises(OSError, match="it is longer than 10 bytes"):
        content(pipe, 10)
    os.close(writer)


def test_a_pipe_is_read_to_its_end() -> None:
    reader, writing = os.pipe()

    def write() -> None:
        os.write(writing, b"stages: []")
        os.close(writing)

    writer = threading.Timer(0.2, write)
    writer.start()
    assert content(Path(f"/dev/fd/{reader}")) == b"stages: []"
    writer.join()
    os.close(reader)


@pytest.mark.parametrize("name", ["nothing", "folder", "loop", "nul\0"])
def test_what_cannot_be_read_is_said(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(ConfigError, match=f"{name}: error: cannot be read: "):
        document.content(tmp_path / name)
    for read in (content, bounded):
        with pytest.raises(OSError, match=r"\[Errno") as told:
            read(tmp_path / name)
        assert told.value.filename == str(tmp_path / name)


@pytest.mark.parametrize("name", ["/dev/zero", "long"])
def test_what_has_no_end_is_not_read(tmp_path: Path, name: str) -> None:
    (tmp_path / "long").write_bytes(b"a" * 10 + b"b")
    with pytest.raises(OSError, match="it is longer than 10 bytes"):
        content(tmp_path / name, 10)
    with pytest.raises(OSError, match=r"it is (longer than 10 bytes|not a regular file)"):
        bounded(tmp_path / name, 10)
    assert content(tmp_path / "long", 11) == b"a" * 10 + b"b"
    assert bounded(tmp_path / "long", 11) == tmp_path / "long"


def test_what_others_open_is_a_file(tmp_path: Path) -> None:
    """They would wait for the writer of a pipe."""
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="it is not a regular file"):
        bounded(tmp_path / "pipe")


def test_what_is_in_a_folder(tmp_path: Path) -> None:
    """Of one that goes while it is looked at, nothing."""
    for name in ("b", "a"):
        (tmp_path / name).touch()
    assert [path.name for path in entries(tmp_path)] == ["a", "b"]
    assert entries(tmp_path / "gone") == []
    assert entries(tmp_path / "a") == []


def test_names_in_a_working_directory_that_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are what they are: nothing can be written there."""
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert behind_links(Path("a")) == Path("a")
    assert not same(Path("a"), tmp_path / "a")
