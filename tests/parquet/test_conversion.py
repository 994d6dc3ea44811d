"""Spools become Parquet files: all their columns, whole or not at all, once."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq
import pytest

from pipeline.flows import values
from pipeline.parquet import conversion
from pipeline.parquet.conversion import convert
from pipeline.parquet.spool import Spool
from pipeline.testing import frame, rows
from tests.parquet.support import flows


def spooled(folder: Path, *frames: pl.DataFrame) -> Path:
    spool = Spool(folder / ".flows-a.spool")
    for one in frames:
        spool.append(one)
    spool.close()
    return spool.path


def test_batches_with_other_fields_and_types(tmp_path: Path) -> None:
    """Absent fields stay absent, and values that do not fit a type keep their own."""
    batches: list[list[dict[str, Any]]] = [
        [{"SrcAddr": "10.0.0.1", "Bytes": 7, "Odd": 1.5}],
        [{"SrcPort": 80, "Odd": "text"}, {"Bytes": "many", "Odd": [1, {"a": None}]}],
        [{"Flags": ["SYN"], "NetworkEvents": [{"Type": "acl"}]}, {"Flags": 2}],
        [{"NetworkEvents": [{"Name": "n", "Other": "o"}]}],
    ]
    whole = [frame(batch).drop(values.NUMBER) for batch in batches]
    assert convert(spooled(tmp_path, *whole))
    (file,) = tmp_path.iterdir()
    assert file.name == "flows-a.parquet"
    assert rows(pl.read_parquet(file)) == [flow for batch in batches for flow in batch]


def test_a_link_in_the_place_of_a_draft_is_not_followed(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_text("of somebody else")
    spool = spooled(tmp_path, flows(1))
    spool.with_suffix(".draft").symlink_to(other)
    assert convert(spool)
    assert other.read_text() == "of somebody else"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["flows-a.parquet", "other"]


def test_row_groups_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversion, "_ROWS", 3)
    assert convert(spooled(tmp_path, *(flows(n, n + 1) for n in range(0, 10, 2))))
    file = tmp_path / "flows-a.parquet"
    assert pq.ParquetFile(file).num_row_groups == 3
    assert pl.read_parquet(file)["n"].to_list() == list(range(10))


def test_one_in_use_is_left_alone(tmp_path: Path) -> None:
    spool = Spool(tmp_path / ".flows-a.spool")
    spool.append(flows(1))
    assert not convert(spool.path)
    spool.close()
    assert convert(spool.path)
    assert not convert(spool.path)
    assert [path.name for path in tmp_path.iterdir()] == ["flows-a.parquet"]


def test_without_a_whole_frame_there_is_no_file(tmp_path: Path) -> None:
    path = spooled(tmp_path)
    path.write_bytes(b"\x07")
    assert convert(path)
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_is_full_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The spool stays for the next time, and nothing half."""
    path = spooled(tmp_path, flows(1))

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as during:
        during.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space left"):
            convert(path)
    assert list(tmp_path.iterdir()) == [path]
    assert convert(path)
    assert pl.read_parquet(tmp_path / "flows-a.parquet")["n"].to_list() == [1]


def test_a_kill_before_the_spool_is_removed(tmp_path: Path) -> None:
    """The file is made again in its own place: no flow is there twice."""
    path = spooled(tmp_path, flows(1))
    data = path.read_bytes()
    assert convert(path)
    path.write_bytes(data)
    assert convert(path)
    assert pl.concat(map(pl.read_parquet, tmp_path.iterdir()))["n"].to_list() == [1]


@pytest.mark.parametrize("place", [0, 7, 9, 100])
def test_one_that_is_damaged_is_kept(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, place: int
) -> None:
    """In the length of the second of three frames, its checksum or its content: one bit."""
    path = spooled(tmp_path, flows(1), flows(2), flows(3))
    data = bytearray(path.read_bytes())
    second = len(data) // 3
    data[second + place] ^= 1
    path.write_bytes(data)
    assert convert(path)
    kept = tmp_path / ".flows-a.spool.damaged"
    assert pl.read_parquet(tmp_path / "flows-a.parquet")["n"].to_list() == [1]
    assert kept.read_bytes() == data
    assert not path.exists()
    assert f"{path}: it is damaged at byte {second}: " in caplog.text
    assert f"the {2 * second} bytes from there are not" in caplog.text
    assert f"is kept as {kept.name}" in caplog.text


def test_one_that_is_no_spool_is_kept(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / ".flows-a.spool"
    path.write_bytes(b"other things of somebody")
    assert convert(path)
    (kept,) = tmp_path.iterdir()
    assert kept.read_bytes() == b"other things of somebody"
    assert f"{path}: it is damaged at byte 0: " in caplog.text


def test_one_that_is_cut_says_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = spooled(tmp_path, flows(1), flows(2))
    data = path.read_bytes()
    path.write_bytes(data[:-20])
    assert convert(path)
    assert [one.name for one in tmp_path.iterdir()] == ["flows-a.parquet"]
    lost = len(data) // 2 - 20
    said = f"{path}: it is cut: its last {lost} bytes, flows that were being written, are lost"
    assert [(record.levelno, record.message) for record in caplog.records] == [
        (logging.WARNING, said)
    ]


@pytest.mark.parametrize("kind", ["pipe", "folder", "link"])
def test_what_is_not_a_file_is_left_alone(tmp_path: Path, kind: str) -> None:
    path = tmp_path / ".flows-a.spool"
    target = spooled(tmp_path, flows(1)).rename(tmp_path / "other")
    {"pipe": os.mkfifo, "folder": os.mkdir, "link": lambda p: p.symlink_to(target)}[kind](path)
    with pytest.raises(OSError, match="it is not a regular file") as raised:
        convert(path)
    assert raised.value.filename == str(path)
    assert {one.name for one in tmp_path.iterdir()} == {"other", path.name}
