"""Where a writer keeps flows as Parquet files, and which of them are kept."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import msgspec

PREFIX, PARQUET = "flows-", ".parquet"
"""How the names of our files begin and end; other files of the folder are left alone."""


class Storage(msgspec.Struct, frozen=True, kw_only=True):
    """A folder of Parquet files.

    A file is finished `every` so many seconds, or with so many `flows`. Files are removed, the
    oldest first, while all together have more than `max_bytes`, and when they are older than
    `max_age` seconds; 0 means no bound.
    """

    folder: Path
    every: float
    flows: int
    max_bytes: int
    max_age: float


class _Kept(NamedTuple):
    changed: float
    path: Path
    size: int


def retire(storage: Storage, now: float) -> list[Path]:
    """Remove the files that are beyond the bounds; returns them, the oldest first.

    `now`: epoch seconds. Raises OSError.
    """
    files = sorted(_files(storage.folder))
    total = sum(file.size for file in files)
    gone = []
    for file in files:
        old = storage.max_age and now - file.changed > storage.max_age
        if not old and not (storage.max_bytes and total > storage.max_bytes):
            break
        file.path.unlink(missing_ok=True)
        total -= file.size
        gone.append(file.path)
    return gone


def _files(folder: Path) -> list[_Kept]:
    """The finished files and when they changed; others may remove some meanwhile."""
    found = []
    for path in folder.glob(f"{PREFIX}*{PARQUET}"):
        try:
            about = path.stat()
        except FileNotFoundError:
            continue
        found.append(_Kept(about.st_mtime, path, about.st_size))
    return found
