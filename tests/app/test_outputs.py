"""No file that a run reads is one that it writes: not of `run`, nor of any other user of a job."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline import config
from pipeline.app.job import Job
from pipeline.app.outputs import require_other, require_unread
from pipeline.config.loader import Config

PIPELINE = """\
dead_letters: {file: LETTERS}
stages:
- {name: in, type: SOURCE, path: flows.jsonl, decoder: json}
- {name: out, type: write_stdout, follows: in}
"""
WHY = "is what this run reads: it would be overwritten"


def loaded(folder: Path, source: str = "ingest_file", letters: str = "letters") -> Config:
    (folder / "flows.jsonl").write_text("{}\n")
    text = PIPELINE.replace("SOURCE", source).replace("LETTERS", str(folder / letters))
    (folder / "p.yaml").write_text(text)
    return config.load(folder / "p.yaml")


@pytest.mark.parametrize("source", ["ingest_file", "ingest_file_loop"])
@pytest.mark.parametrize("link", [False, True])
def test_a_file_that_is_read(tmp_path: Path, source: str, *, link: bool) -> None:
    """By any of its names."""
    made, other = loaded(tmp_path, source), tmp_path / "other"
    if link:
        other.symlink_to(tmp_path / "flows.jsonl")
    output = other if link else tmp_path / "flows.jsonl"
    with pytest.raises(OSError, match=WHY):
        require_unread(made, None, tmp_path / "p.yaml", None, output)
    require_unread(made, None, tmp_path / "p.yaml", None, tmp_path / "new")


def test_a_recording_in_place_of_the_source(tmp_path: Path) -> None:
    made, recording = loaded(tmp_path), tmp_path / "recording.jsonl"
    recording.write_text("{}\n")
    with pytest.raises(OSError, match=WHY):
        require_unread(made, recording, recording)
    require_unread(made, recording, tmp_path / "flows.jsonl")


def test_dead_letters_of_any_job(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=WHY):
        Job(loaded(tmp_path, letters="flows.jsonl"))
    with pytest.raises(OSError, match=WHY):
        Job(loaded(tmp_path), dead_letters=tmp_path / "flows.jsonl")


def test_files_that_are_read_by_name(tmp_path: Path) -> None:
    read, other = tmp_path / "read", tmp_path / "other"
    read.write_text("x")
    other.hardlink_to(read)
    with pytest.raises(OSError, match=WHY):
        require_other(other, None, tmp_path / "gone", read)
    require_other(tmp_path / "new", None, read)
    require_other(read, None, tmp_path / "gone")
