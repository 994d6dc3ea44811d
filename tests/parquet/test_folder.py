"""A folder of files: rotation, retention, what a killed process leaves, a disk that is full."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from pipeline.parquet import folder as module
from pipeline.parquet.folder import ParquetFolder
from pipeline.parquet.spool import Spool
from tests.parquet.support import flows, kept, storage


def nothing_lost(count: int) -> None:
    raise AssertionError(count)


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_file_has_so_many_flows(tmp_path: Path) -> None:
    """Names begin with a dot until a file is whole; the rest follows at the end."""
    place = tmp_path / "new" / "raw"
    files = ParquetFolder(storage(place, flows=4), nothing_lost)
    for n in range(0, 10, 2):
        files.add(flows(n, n + 1))
    assert kept(place) == list(range(8))
    files.close()
    assert kept(place) == list(range(10))
    assert len(list(place.iterdir())) == 3


def test_a_file_is_finished_in_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also while no flows come; so are old ones removed."""
    monkeypatch.setattr(module, "_TICK", 0.01)
    now = time.time()
    clock = [now]
    files = ParquetFolder(storage(tmp_path, every=60, max_age=600), nothing_lost, lambda: clock[0])
    files.add(flows(1))
    clock[0] = now + 61
    wait_for(lambda: kept(tmp_path) == [1])
    clock[0] = now + 5000
    wait_for(lambda: list(tmp_path.iterdir()) == [])
    files.close()


def test_nothing_to_keep_makes_no_file(tmp_path: Path) -> None:
    files = ParquetFolder(storage(tmp_path), nothing_lost)
    files.add(flows())
    files.close()
    assert list(tmp_path.iterdir()) == []


_KILLED = """
import os, signal, sys
from pathlib import Path
from pipeline.parquet.folder import ParquetFolder
from tests.parquet.support import flows, storage
files = ParquetFolder(storage(Path(sys.argv[1])), print)
files.add(flows(1, 2))
files.add(flows(3))
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.slow
def test_what_a_killed_process_leaves(tmp_path: Path) -> None:
    """No file before, a whole one after the next start; one that still runs is left alone."""
    running = Spool(tmp_path / ".flows-0.spool")
    running.append(flows(9))
    ended = subprocess.run([sys.executable, "-c", _KILLED, tmp_path], check=False)
    assert ended.returncode == -signal.SIGKILL
    assert kept(tmp_path) == []
    ParquetFolder(storage(tmp_path), nothing_lost).close()
    assert kept(tmp_path) == [1, 2, 3]
    assert running.path.exists()
    running.close()


def test_a_full_disk_is_told_and_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    lost: list[int] = []
    files = ParquetFolder(storage(tmp_path), lost.append)
    files.add(flows(1))

    def full(_descriptor: int, _data: memoryview) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as during:
        during.setattr(os, "write", full)
        files.add(flows(2, 3))
        files.add(flows(4))
    files.add(flows(5))
    files.close()
    assert lost == [2, 1]
    assert kept(tmp_path) == [1, 5]
    assert f"{tmp_path}: flows are not kept: [Errno 28] No space left on device" in caplog.text


def test_a_folder_that_cannot_be_made(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "raw").write_text("a file")
    lost: list[int] = []
    files = ParquetFolder(storage(tmp_path / "raw"), lost.append)
    files.add(flows(1, 2))
    files.close()
    assert lost == [2]
    assert "flows are not kept" in caplog.text


def test_flows_that_no_file_can_have_are_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A stage of somebody else may make any column; counting goes on."""
    lost: list[int] = []
    files = ParquetFolder(storage(tmp_path), lost.append)
    files.add(pl.DataFrame({"n": pl.Series([object(), object()], dtype=pl.Object)}))
    files.add(flows(1))
    files.close()
    assert lost == [2]
    assert kept(tmp_path) == [1]
    assert "flows are not kept" in caplog.text


def test_a_spool_that_is_none_holds_up_no_other(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    pipe = tmp_path / ".flows-0.spool"
    os.mkfifo(pipe)
    files = ParquetFolder(storage(tmp_path, max_bytes=1 << 30, max_age=1e9), nothing_lost)
    files.add(flows(1))
    files.close()
    assert kept(tmp_path) == [1]
    assert pipe.is_fifo()
    assert f"{pipe}: a file cannot be finished yet: [Errno 22] it is not a regular" in caplog.text
