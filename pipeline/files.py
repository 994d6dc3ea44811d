"""Files of users: inputs that may be pipes, secrets that others may read, outputs that none may."""

from __future__ import annotations

import logging
import os
import stat
from functools import cache
from pathlib import Path
from typing import Annotated, BinaryIO

from msgspec import Meta

Secret = Annotated[str, Meta(extra={"secret": True})]
"""The type of a Spec's field that holds a secret, for ${VARIABLES}; a file is better.

Where a configuration is written out, "***" stands instead.
"""

_log = logging.getLogger(__name__)
_PRIVATE = 0o600


def opened(path: Path) -> BinaryIO:
    """A file to read. A pipe is read until its writers close it; without one it is empty.

    Opening a pipe that nobody writes to would wait for ever. Raises OSError.
    """
    return open(path, "rb", opener=_without_waiting)


def exists(path: Path) -> bool:
    """Whether there is something; of a name that no file can have, there is nothing."""
    return os.path.exists(path)  # noqa: PTH110 - the method raises OSError for a name too long


def is_file(path: Path) -> bool:
    """Whether it is a file, as `exists`."""
    return os.path.isfile(path)  # noqa: PTH113 - as above


def is_folder(path: Path) -> bool:
    """Whether it is a folder, as `exists`."""
    return os.path.isdir(path)  # noqa: PTH112 - as above


def secret(path: Path) -> str:
    """The text of a secret, without blanks around it. Raises OSError and UnicodeDecodeError."""
    text = path.read_text(encoding="utf-8").strip()
    warn_if_open(path)
    return text


def warn_if_open(path: Path) -> None:
    """Warn of a secret that every user of this machine may read, once for each file.

    In a pod there are no other users, and secrets are mounted readable by all.
    """
    if "KUBERNETES_SERVICE_HOST" not in os.environ:
        _warn_if_open(path.absolute())


@cache
def _warn_if_open(path: Path) -> None:
    try:
        mode = path.stat().st_mode
    except OSError:
        return  # whoever reads it says so
    if mode & stat.S_IROTH:
        _log.warning("%s is a secret that every user can read: chmod 600 it", path)


def private(path: str, flags: int) -> int:
    """An opener (of `open`) for what only its owner shall read, also where the file was there."""
    descriptor = os.open(path, flags, _PRIVATE)
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.fchmod(descriptor, _PRIVATE)
    return descriptor


def sync(folder: Path) -> None:
    """Make the names in a folder durable. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _without_waiting(path: str, flags: int) -> int:
    descriptor = os.open(path, flags | os.O_NONBLOCK)
    os.set_blocking(descriptor, True)
    return descriptor
