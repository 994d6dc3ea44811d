"""Whether files have changed, from what the file system says about them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

Fingerprint = tuple[str, int, int, int]


def fingerprints(paths: Iterable[Path]) -> tuple[Fingerprint, ...]:
    """Name, time, size and inode of each file (zeros where there is none), as a value to compare.

    Symbolic links are followed: a mounted ConfigMap changes by them.
    """
    return tuple(map(_fingerprint, paths))


def _fingerprint(path: Path) -> Fingerprint:
    try:
        found = path.stat()
    except OSError:
        return (str(path), 0, 0, 0)
    return (str(path), found.st_mtime_ns, found.st_size, found.st_ino)
