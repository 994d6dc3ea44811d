"""What a terminal gets: nothing in flows or names moves its cursor; a pipe gets every byte."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

COMMAND = str(Path(sys.executable).with_name("flowmatrix"))
NAME = "\x1b]0;title\x07\x9b2J\u202egnp.exe"
PIPELINE = """\
stages:
- {{name: in, type: ingest_file, path: flows.jsonl, decoder: json}}
- {{name: out, type: write_stdout, follows: in, format: {form}}}
"""


def on_terminal(*arguments: object) -> str:
    """What a command shows on a terminal."""
    leader, follower = pty.openpty()
    with subprocess.Popen(
        [COMMAND, *map(str, arguments)], stdout=follower, stderr=subprocess.DEVNULL
    ) as process:
        os.close(follower)
        shown = bytearray()
        while True:
            try:
                block = os.read(leader, 65536)
            except OSError:  # the other end is closed
                break
            shown += block
        assert process.wait() == 0
    os.close(leader)
    return shown.decode()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A flow whose fields have what terminals act on."""
    (tmp_path / "flows.jsonl").write_text(json.dumps({"Udn": NAME}) + "\n")
    return tmp_path


@pytest.mark.parametrize("form", ["json", "printf", "fields"])
def test_flows_on_a_terminal(folder: Path, form: str) -> None:
    path = folder / "p.yaml"
    path.write_text(PIPELINE.format(form=form))
    shown = on_terminal("run", path, "--once").replace("\r\n", "\n")
    assert all(letter.isprintable() or letter == "\n" for letter in shown)
    assert "title" in shown


def test_flows_in_a_pipe_are_as_they_came(folder: Path) -> None:
    path = folder / "p.yaml"
    path.write_text(PIPELINE.format(form="json"))
    done = subprocess.run([COMMAND, "run", path, "--once"], capture_output=True, check=True)
    assert json.loads(done.stdout)["Udn"] == NAME
