"""Progress is for terminals."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.cli.progress import progress

pytestmark = pytest.mark.slow

COMMAND = str(Path(sys.executable).with_name("flowmatrix"))


def test_without_a_terminal_nothing_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    with progress() as tell:
        tell(10)
    assert capsys.readouterr() == ("", "")


def test_who_watches_sees_how_many_flows(tmp_path: Path) -> None:
    """Of a simulation, on the terminal that standard error is."""
    leader, follower = pty.openpty()
    command = [COMMAND, "simulate", "cluster", "--flows", "600000", "--out", str(tmp_path / "c.pb")]
    environment = {**os.environ, "TERM": "xterm"}
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=follower, env=environment
    ) as process:
        os.close(follower)
        shown = bytearray()
        while True:
            try:
                shown += os.read(leader, 65536)
            except OSError:  # the other end is closed
                break
        assert process.wait() == 0
    os.close(leader)
    assert b"250,000 flows" in shown
