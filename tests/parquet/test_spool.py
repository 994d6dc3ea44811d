"""Frames in a spool: whole ones are read, and what is cut or damaged ends it."""

from __future__ import annotations

import errno
import io
import os
from pathlib import Path

import polars as pl
import pytest

from pipeline.parquet.spool import Spool, frames, is_cut
from tests.parquet.support import flows


def written(path: Path) -> list[list[int]]:
    with path.open("rb") as file:
        return [pl.read_ipc_stream(io.BytesIO(data))["n"].to_list() for data in frames(file)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A closed spool of two frames."""
    made = tmp_path / ".flows-a.spool"
    spool = Spool(made)
    spool.append(flows(1, 2))
    spool.append(flows(3))
    assert spool.flows == 3
    spool.close()
    return made


def test_frames_come_back(path: Path) -> None:
    assert written(path) == [[1, 2], [3]]


def test_a_file_that_is_cut_anywhere(path: Path) -> None:
    """The frames before the cut are whole, and no cut is an error."""
    whole = path.read_bytes()
    length = int.from_bytes(whole[:8], "little") + 12
    for cut in range(len(whole)):
        path.write_bytes(whole[:cut])
        assert written(path) == ([[1, 2]] if cut >= length else []), cut
        assert is_cut(whole[length if cut >= length else 0 : cut]), cut


@pytest.mark.parametrize("place", [-1, -100])
def test_a_damaged_frame_ends_it(path: Path, place: int) -> None:
    whole = bytearray(path.read_bytes())
    whole[place] ^= 1
    path.write_bytes(whole)
    assert written(path) == [[1, 2]]


def test_zeros_at_the_end(path: Path) -> None:
    """A power failure may leave them: no frame is empty."""
    path.write_bytes(path.read_bytes() + bytes(4096))
    assert written(path) == [[1, 2], [3]]


def test_a_frame_that_has_no_room_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk takes the first bytes of it and no more; the next frame follows the one before."""
    spool = Spool(tmp_path / ".flows-b.spool")
    spool.append(flows(1))
    write = os.write

    def full(descriptor: int, data: memoryview) -> int:
        if len(data) > 8:
            return write(descriptor, data[:8])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as during:
        during.setattr(os, "write", full)
        with pytest.raises(OSError, match="No space left"):
            spool.append(flows(2))
    spool.append(flows(3))
    spool.close()
    assert written(spool.path) == [[1], [3]]
    assert spool.flows == 2
