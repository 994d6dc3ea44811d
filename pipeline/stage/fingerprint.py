"""Whether files have changed: their times, sizes and inodes as values to compare."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

Fingerprint = tuple[str, int, int, int]


def fingerprints(paths: Iterable[Path]) -> tuple[Fingerprint, ...]:
    """Name, time, size and inode of each file as a value to compare (zeros where there is no file).

    Symbolic links are followed, because a mounted ConfigMap changes through them.
    """
    return tuple(map(_fingerprint, paths))


def _fingerprint(path: Path) -> Fingerprint:
    try:
        found = path.stat()
    except OSError:
        return (str(path), 0, 0, 0)
    return (str(path), found.st_mtime_ns, found.st_size, found.st_ino)
