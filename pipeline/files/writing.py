"""Files that commands write: whole or not at all, and errors name them."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex

_PRIVATE = 0o600
_IN_PLACE = ("/dev/", "/proc/")
"""Where a name stands for what is open already, such as /dev/stdout."""


def write(path: Path, content: str | bytes, *, private: bool = False) -> None:
    """Write a file, over what was there: whoever reads it sees the old or the new one, whole.

    Its mode stays; with `private` only its owner may read it. A pipe or a device is written to as
    it is. Raises OSError, which names the file.
    """
    data = content.encode() if isinstance(content, str) else content
    with naming(path):
        if _is_in_place(path):
            with path.open("wb") as file:
                file.write(data)
            return
        target = Path(os.path.realpath(path))
        mode = _mode(target)
        if mode is not None and not os.access(target, os.W_OK):
            raise PermissionError(errno.EACCES, "Permission denied")
        with partial(target, data, _PRIVATE if private else 0o666) as fresh:
            if mode is not None and not private:
                fresh.chmod(mode)
            fresh.replace(target)


@contextmanager
def partial(target: Path, content: bytes, mode: int = _PRIVATE) -> Iterator[Path]:
    """A file beside the target with the content on disk; it is gone afterwards, or renamed."""
    fresh = target.with_name(f".{token_hex(8)}.new")
    try:
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        yield fresh
    finally:
        with suppress(OSError):
            fresh.unlink()


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Raise OSError anew with the name of the file that it is about: a full disk has none."""
    try:
        yield
    except OSError as error:
        if error.errno is None:
            raise
        raise OSError(error.errno, os.strerror(error.errno), str(path)) from error


def private(path: str, flags: int) -> int:
    """An opener (of `open`) for what only its owner shall read, also where the file was there.

    A pipe that nobody reads is not waited for: it raises OSError.
    """
    descriptor = os.open(path, flags | os.O_NONBLOCK, _PRIVATE)
    os.set_blocking(descriptor, True)
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


def _is_in_place(path: Path) -> bool:
    """Whether it is a pipe, a device, open already, or in a folder that takes no other file."""
    if str(path.absolute()).startswith(_IN_PLACE):
        return True
    if not path.exists() or path.is_dir():
        return False
    return not (path.is_file() and os.access(path.resolve().parent, os.W_OK))


def _mode(path: Path) -> int | None:
    """The mode of a file; None where there is none. Raises IsADirectoryError."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return None
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, "Is a directory")
    return stat.S_IMODE(mode)
