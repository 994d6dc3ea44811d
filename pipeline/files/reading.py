"""Files of users to read: they may be pipes, folders, devices, or longer than memory."""

from __future__ import annotations

import errno
import os
import select
import stat
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path
from typing import Annotated

from msgspec import Meta

Name = Annotated[str, Meta(min_length=1, extra={"expected": "the name of a file or folder"})]
"""The type of a Spec's field that must name one: an empty name would be the current folder."""
MOST = 1 << 20
"""Bytes of a file that has a secret, a certificate or a few settings."""
_SILENT = 30.0
"""Seconds until a pipe that is open somewhere, and that nothing comes from, is given up."""


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
    """All of a file. Raises OSError, also of more than `most` bytes: a device has no end.

    So it does of a pipe whose writer says nothing for half a minute.
    """
    with opened(path) as file:
        is_pipe = stat.S_ISFIFO(os.fstat(file.fileno()).st_mode)
        found = b"".join(_written(file, path, most + 1)) if is_pipe else file.read(most + 1)
    if len(found) > most:
        raise _too_long(path, most)
    return found


def _written(pipe: BufferedReader, path: Path, most: int) -> Iterator[bytes]:
    """What is written to a pipe until its writers close it, and not much more than `most` bytes."""
    os.set_blocking(pipe.fileno(), False)
    poller = select.poll()
    poller.register(pipe, select.POLLIN)
    while most > 0:
        block = pipe.raw.read(most)
        if block == b"":
            return
        if block:
            yield block
            most -= len(block)
        elif not poller.poll(1000 * _SILENT):
            raise OSError(errno.ETIMEDOUT, "it is a pipe, and nothing is written to it", str(path))


def bounded(path: Path, most: int = MOST) -> Path:
    """The path of a file that others open, who would wait for a pipe, or read a device for ever.

    Raises OSError when it is not a file of at most `most` bytes.
    """
    opened(path).close()
    status = path.stat()
    require_regular(path, status)
    if status.st_size > most:
        raise _too_long(path, most)
    return path


def require_regular(path: Path, status: os.stat_result) -> None:
    """Raise OSError unless the status of `path` is that of a regular file."""
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "it is not a regular file", str(path))


def exists(path: Path) -> bool:
    """Whether there is something; of a name that no file can have, there is nothing."""
    return os.path.exists(path)  # noqa: PTH110 - the method raises OSError for a name too long


def is_file(path: Path) -> bool:
    """Whether it is a file, as `exists`."""
    return os.path.isfile(path)  # noqa: PTH113 - as above


def is_folder(path: Path) -> bool:
    """Whether it is a folder, as `exists`."""
    return os.path.isdir(path)  # noqa: PTH112 - as above


def behind_links(path: Path) -> Path:
    """Where a file is, or will be made.

    A name that no file can have stays as it is, and one in a working directory that is gone.
    """
    try:
        return Path(os.path.realpath(path))
    except (OSError, ValueError):
        return path


def same(one: Path, other: Path) -> bool:
    """Whether two names are of one file, be they links, or the file still to be made."""
    if behind_links(one) == behind_links(other):
        return True
    return exists(one) and exists(other) and one.samefile(other)


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
