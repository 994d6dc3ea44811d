"""Files that commands write: whole or not at all, and errors name them."""

from __future__ import annotations

import os
import resource
import signal
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.dead_letters.file import DeadLetterFile
from pipeline.files import naming, private, write
from pipeline.plan.outcome import Reject

SMALL = 4096


@pytest.fixture
def full() -> Iterator[None]:
    """No file becomes longer than 4096 bytes, as where a disk is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (SMALL, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    signal.signal(signal.SIGXFSZ, before)


def test_a_file_is_replaced_and_its_mode_stays(tmp_path: Path) -> None:
    file, name = tmp_path / "kept", tmp_path / "name"
    file.write_text("old")
    file.chmod(0o640)
    name.symlink_to(file)
    write(name, "new ü")
    assert (file.read_text("utf-8"), stat.S_IMODE(file.stat().st_mode)) == ("new ü", 0o640)
    assert name.is_symlink()
    write(file, b"secret", private=True)
    assert (file.read_text(), stat.S_IMODE(file.stat().st_mode)) == ("secret", 0o600)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["kept", "name"]


def test_a_new_file_has_the_mode_of_a_new_file(tmp_path: Path) -> None:
    write(tmp_path / "ours", "a")
    (tmp_path / "other").write_text("a")
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "other").stat().st_mode


@pytest.mark.usefixtures("full")
@pytest.mark.parametrize("before", [b"old", None])
def test_on_a_full_disk_the_old_file_stays(before: bytes | None, tmp_path: Path) -> None:
    """The error names the file that was asked for; nothing else is left in the folder."""
    file = tmp_path / "file"
    if before is not None:
        file.write_bytes(before)
    with pytest.raises(OSError, match="File too large") as told:
        write(file, b"x" * (SMALL + 1))
    assert told.value.filename == str(file)
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [before] * (before is not None)


@pytest.mark.usefixtures("full")
def test_dead_letters_on_a_full_disk_name_their_file(tmp_path: Path) -> None:
    file = tmp_path / "letters"
    with pytest.raises(OSError, match="File too large") as told, DeadLetterFile(file) as letters:
        letters.write([Reject("in", "why", b"x" * SMALL)] * 2)
    assert told.value.filename == str(file)


def test_what_is_no_file_is_written_to_as_it_is(tmp_path: Path) -> None:
    """A pipe and a device stay what they are, and so does what standard output goes to."""
    os.mkfifo(tmp_path / "pipe")
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append((tmp_path / "pipe").read_text()))
    reader.start()
    write(tmp_path / "pipe", "through")
    reader.join()
    assert read == ["through"]
    write(Path(os.devnull), "gone")
    assert stat.S_ISCHR(Path(os.devnull).stat().st_mode)
    with (tmp_path / "out").open("wb") as out:
        number = (tmp_path / "out").stat().st_ino
        write(Path(f"/dev/fd/{out.fileno()}"), "here")
    assert ((tmp_path / "out").read_text(), (tmp_path / "out").stat().st_ino) == ("here", number)


def test_where_nothing_can_be_written_the_error_names_the_file(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    for name in ("folder", "none/file", "/dev/full", "/proc/nothing"):
        with pytest.raises(OSError, match=r"\[Errno") as told:
            write(tmp_path / name, "a")
        assert told.value.filename == str(tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_an_error_keeps_its_kind() -> None:
    with pytest.raises(FileExistsError, match="name"), naming(Path("name")):
        raise FileExistsError(17, "it is there", "other")


def test_what_is_private_is_so_whatever_was_there(tmp_path: Path) -> None:
    path = tmp_path / "letters"
    path.write_text("old")
    path.chmod(0o644)
    with DeadLetterFile(path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with open(os.devnull, "wb", opener=private):
        assert stat.S_IMODE(Path(os.devnull).stat().st_mode) != 0o600
