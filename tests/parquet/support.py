"""Storages and flows for the tests of this folder."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from pipeline.parquet.storage import Storage


def storage(
    folder: Path,
    *,
    every: float = 3600.0,
    flows: int = 1 << 30,
    max_bytes: int = 0,
    max_age: float = 0.0,
) -> Storage:
    """Files of a folder, without bounds but those that are given."""
    return Storage(folder=folder, every=every, flows=flows, max_bytes=max_bytes, max_age=max_age)


def kept(folder: Path) -> list[int]:
    """The field `n` of all flows in finished files, in the order of the files."""
    files = sorted(folder.glob("*.parquet"), key=lambda path: path.stat().st_mtime_ns)
    return [n for path in files for n in pl.read_parquet(path)["n"].to_list()]


def flows(*numbers: int) -> pl.DataFrame:
    return pl.DataFrame({"n": numbers}, schema={"n": pl.Int64})
