"""Files of users to read: they may be pipes, folders, devices, or longer than memory."""

from __future__ import annotations

import errno
import os
import stat
from io import BufferedReader
from pathlib import Path
from typing import Annotated

from msgspec import Meta

Name = Annotated[str, Meta(min_length=1, extra={"expected": "the name of a file or folder"})]
"""The type of a Spec's field that must name one: an empty name would be the current folder."""
MOST = 1 << 20
"""Bytes of a file that has a secret, a certificate or a few settings."""


def opened(path: Path) -> BufferedReader:
    """A file to read. A pipe is read until its writers close it; without one it is empty.

    Opening a pipe that nobody writes to would wait for ever. Raises OSError, which names the file.
    """
    if "\0" in str(path):
        raise OSError(errno.EINVAL, "a name of a file has no NUL", str(path))
    return open(path, "rb", opener=_without_waiting)


def ending(path: Path) -> BufferedReader:
    """As `opened`. Raises OSError also of a device that is read for ever."""
    file = opened(path)
    status = os.fstat(file.fileno())
    is_null = os.path.samestat(status, os.stat(os.devnull))  # noqa: PTH116 - beside fstat
    if stat.S_ISCHR(status.st_mode) and not (is_null or file.isatty()):
        file.close()
        raise OSError(errno.EINVAL, "it is a device, which has no end", str(path))
    return file


def content(path: Path, most: int = MOST) -> bytes:
    """All of a file. Raises OSError, also of more than `most` bytes: a device has no end."""
    with opened(path) as file:
        found = file.read(most + 1)
    if len(found) > most:
        raise _too_long(path, most)
    return found


def bounded(path: Path, most: int = MOST) -> Path:
    """The path of a file that others open, who would wait for a pipe, or read a device for ever.

    Raises OSError when it is not a file of at most `most` bytes.
    """
    opened(path).close()
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "it is not a regular file", str(path))
    if status.st_size > most:
        raise _too_long(path, most)
    return path


def exists(path: Path) -> bool:
    """Whether there is something; of a name that no file can have, there is nothing."""
    return os.path.exists(path)  # noqa: PTH110 - the method raises OSError for a name too long


def is_file(path: Path) -> bool:
    """Whether it is a file, as `exists`."""
    return os.path.isfile(path)  # noqa: PTH113 - as above


def is_folder(path: Path) -> bool:
    """Whether it is a folder, as `exists`."""
    return os.path.isdir(path)  # noqa: PTH112 - as above


def entries(folder: Path) -> list[Path]:
    """What is in a folder, in order of the names: nothing where it went or may not be read."""
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def _too_long(path: Path, most: int) -> OSError:
    return OSError(errno.EFBIG, f"it is longer than {most} bytes", str(path))


def _without_waiting(path: str, flags: int) -> int:
    descriptor = os.open(path, flags | os.O_NONBLOCK)
    os.set_blocking(descriptor, True)
    return descriptor
