"""Retention by size and by age, the oldest files first."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pipeline.parquet.spool import Spool
from pipeline.parquet.storage import retire
from tests.parquet.support import flows, storage


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three files of 10 bytes, of the times 100, 200 and 300, and one of somebody else."""
    for time, name in ((100, "flows-b"), (200, "flows-a"), (300, "flows-c"), (1, "mine")):
        path = tmp_path / f"{name}.parquet"
        path.write_bytes(bytes(10))
        os.utime(path, (time, time))
    return tmp_path


@pytest.mark.parametrize(
    ("max_bytes", "max_age", "gone"),
    [
        (0, 0, []),
        (30, 0, []),
        (29, 0, ["flows-b"]),
        (1, 0, ["flows-b", "flows-a", "flows-c"]),
        (0, 200, ["flows-b"]),
        (0, 100, ["flows-b", "flows-a"]),
        (10, 250, ["flows-b", "flows-a"]),
    ],
)
def test_the_oldest_go(folder: Path, max_bytes: int, max_age: float, gone: list[str]) -> None:
    found = retire(storage(folder, max_bytes=max_bytes, max_age=max_age), 301.0)
    assert [path.stem for path in found] == gone
    left = {"flows-a", "flows-b", "flows-c", "mine"} - set(gone)
    assert {path.stem for path in folder.iterdir()} == left


def test_spools_that_nobody_converts_go_too(tmp_path: Path) -> None:
    """One that a process appends to stays, whatever it takes."""
    for name in ("old", "used"):
        spool = Spool(tmp_path / f".flows-{name}.spool")
        spool.append(flows(1))
        os.utime(spool.path, (100, 100))
        if name == "old":
            spool.close()
    gone = retire(storage(tmp_path, max_bytes=1), 101.0)
    assert [path.name for path in gone] == [".flows-old.spool"]
    assert [path.name for path in tmp_path.iterdir()] == [".flows-used.spool"]
    spool.close()


def test_damaged_spools_go_too_and_what_is_no_file_stays(tmp_path: Path) -> None:
    (tmp_path / ".flows-a.spool.damaged").write_bytes(bytes(10))
    os.mkfifo(tmp_path / ".flows-b.spool")
    (tmp_path / "flows-c.parquet").mkdir()
    gone = retire(storage(tmp_path, max_bytes=1), 101.0)
    assert [path.name for path in gone] == [".flows-a.spool.damaged"]
    assert {path.name for path in tmp_path.iterdir()} == {".flows-b.spool", "flows-c.parquet"}
