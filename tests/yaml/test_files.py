from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.diagnostics import Diagnostic
from pipeline.yaml import files
from pipeline.yaml.files import matching


def found(folder: Path, *patterns: str) -> tuple[list[str], list[str]]:
    problems: list[Diagnostic] = []
    files = matching(patterns, folder, problems)
    return [file.name for file in files], [problem.problem.message for problem in problems]


def test_files_folders_and_globs_each_file_once(tmp_path: Path) -> None:
    for name in ("b.yaml", "a.yml", "c.json", "d.txt"):
        (tmp_path / name).touch()
    assert found(tmp_path, ".", "a.yml") == (["a.yml", "b.yaml", "c.json"], [])
    assert found(tmp_path, "d.txt", "*.json", str(tmp_path / "b.yaml")) == (
        ["d.txt", "c.json", "b.yaml"],
        [],
    )


def test_patterns_without_a_file(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert found(tmp_path, "", "x.yaml", "empty", "*.json") == (
        [],
        [
            "the name of a file is empty",
            'there is no file or folder "x.yaml"',
            'the folder "empty" has no file *.yaml, *.yml, *.json',
            '"*.json" matches no file *.yaml, *.yml, *.json',
        ],
    )


def test_a_folder_that_goes_while_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a folder does that somebody replaces; one that may not be read is like it."""
    monkeypatch.setattr(files, "is_folder", lambda _path: True)
    assert found(tmp_path, "gone") == ([], ['the folder "gone" cannot be read'])
