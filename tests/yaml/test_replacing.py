"""Files replaced as a whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.diagnostics import ConfigError
from pipeline.yaml.replacing import create, replace


def test_content_is_replaced_and_the_mode_stays(tmp_path: Path) -> None:
    file, name = tmp_path / "kept", tmp_path / "name"
    file.write_bytes(b"old")
    file.chmod(0o640)
    name.symlink_to(file)
    replace(name, b"old", b"new")
    assert (file.read_bytes(), file.stat().st_mode & 0o777) == (b"new", 0o640)
    assert name.is_symlink()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["kept", "name"]


def test_a_file_that_has_changed_meanwhile_stays(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"theirs")
    with pytest.raises(ConfigError, match="the file has changed meanwhile; try again"):
        replace(file, b"old", b"new")
    assert file.read_bytes() == b"theirs"
    assert list(tmp_path.iterdir()) == [file]


def test_a_folder_that_takes_no_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        replace(tmp_path / "none", b"", b"new")


def test_a_new_file_is_there_at_once_or_not_at_all(tmp_path: Path) -> None:
    file = tmp_path / "new"
    create(file, b"first")
    assert (file.read_bytes(), file.stat().st_mode & 0o777) == (b"first", 0o644)
    with pytest.raises(FileExistsError):
        create(file, b"second")
    assert file.read_bytes() == b"first"
    assert list(tmp_path.iterdir()) == [file]
