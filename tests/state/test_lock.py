"""One process at a time writes a state folder; who was killed does not keep it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.state.checkpoint_file import CheckpointError
from pipeline.state.lock import locked

HOLDER = """
import sys
from pathlib import Path
from pipeline.state.lock import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_process_is_refused_until_the_first_has_ended(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, folder],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "held\n"
        why = f"in use by process {process.pid}: end that run, or give another folder"
        with pytest.raises(CheckpointError, match=why), locked(folder):
            pass
        process.send_signal(signal.SIGKILL)
    assert (folder / "lock").read_text() == f"{process.pid}\n"
    with locked(folder):
        assert (folder / "lock").read_text() == f"{os.getpid()}\n"
    with locked(folder):
        pass


def test_what_stands_in_the_file_is_not_trusted(tmp_path: Path) -> None:
    (tmp_path / "lock").write_bytes(b"\x1b]0;x" * 10)
    with locked(tmp_path):
        (tmp_path / "lock").write_bytes(b"\x1b]0;x")
        with (
            pytest.raises(CheckpointError, match=r"in use by process \(unknown\):"),
            locked(tmp_path),
        ):
            pass


def test_a_folder_that_cannot_be_locked_is_named(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file")
    with (
        pytest.raises(CheckpointError, match=r"the state is a folder, and .*state is not one"),
        locked(tmp_path / "state"),
    ):
        pass


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    """Neither to a file that is there, which would be emptied, nor to one that would be made."""
    state, other = tmp_path / "state", tmp_path / "other"
    state.mkdir()
    (state / "lock").symlink_to(other)
    for content in (None, "of somebody else"):
        if content:
            other.write_text(content)
        with pytest.raises(CheckpointError, match="lock is a symbolic link"), locked(state):
            pass
        assert (other.read_text() if other.exists() else None) == content
