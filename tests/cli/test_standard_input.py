"""What comes through pipes is read as files are."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from pipeline.cli.standard_input import as_file
from simulate import Simulation
from tests.support.commands import flowmatrix

COMMAND = [sys.executable, "-c", "from pipeline.cli import main; main()"]


def test_a_file_is_itself(tmp_path: Path) -> None:
    with as_file(tmp_path / "x") as path:
        assert path == tmp_path / "x"


def test_a_named_pipe_is_copied(tmp_path: Path) -> None:
    """It can be read twice, and the copy is gone at the end."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(b"flows",))
    writer.start()
    with as_file(pipe) as path:
        assert [path.read_bytes() for _ in "12"] == [b"flows", b"flows"]
    writer.join()
    assert not path.exists()


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [["matrix", "-"], ["matrix", "--input", "-"]])
def test_matrix_of_a_recording_from_a_pipe(made: Simulation, arguments: list[str]) -> None:
    """The same as of the file."""
    options = ["--inventory", str(made.inventory), "--format", "csv"]
    done = subprocess.run(
        [*COMMAND, *arguments, *options],
        input=made.recording.read_bytes(),
        capture_output=True,
        check=True,
    )
    wanted = flowmatrix("matrix", made.recording, *options).stdout
    assert done.stdout.decode() == wanted
    assert len(wanted.splitlines()) > 20
