"""Where a writer keeps flows as Parquet files, and which of them are kept."""

from __future__ import annotations

import fcntl
import stat
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import msgspec

PREFIX, PARQUET, SPOOL, DAMAGED = "flows-", ".parquet", ".spool", ".damaged"
"""How the names of our files begin and end (a dot before a spool's); others are left alone.

A spool that is damaged has both of the last endings.
"""


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

    Spools that could not be converted count as well, but for those that a process appends to, and
    those that are damaged.
    `now`: epoch seconds. Raises OSError.
    """
    files = sorted(_files(storage.folder))
    total = sum(file.size for file in files)
    gone = []
    for file in files:
        old = storage.max_age and now - file.changed > storage.max_age
        if not old and not (storage.max_bytes and total > storage.max_bytes):
            break
        if file.path.suffix == SPOOL and _in_use(file.path):
            continue
        file.path.unlink(missing_ok=True)
        total -= file.size
        gone.append(file.path)
    return gone


def _files(folder: Path) -> list[_Kept]:
    """The regular files and when they changed; others may remove some meanwhile."""
    found = []
    ours = f"{PREFIX}*{PARQUET}", f".{PREFIX}*{SPOOL}", f".{PREFIX}*{SPOOL}{DAMAGED}"
    for path in [path for name in ours for path in folder.glob(name)]:
        with suppress(FileNotFoundError):
            about = path.lstat()
            if stat.S_ISREG(about.st_mode):
                found.append(_Kept(about.st_mtime, path, about.st_size))
    return found


def _in_use(spool: Path) -> bool:
    try:
        with spool.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        pass
    return False
