"""The right to write a state folder, which one process has at a time."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.state.checkpoint_file import CheckpointError

_FILE = "lock"


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the lock of a state folder, which is made when it is not there.

    The operating system gives the lock back when the process ends, however it does: the file that
    is left says who was the last. Raises CheckpointError, which names the
    process that holds it.
    """
    path = folder / _FILE
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    except (FileExistsError, NotADirectoryError) as error:
        raise CheckpointError(f"the state is a folder, and {folder} is not one") from error
    except OSError as error:
        why = "lock is a symbolic link" if error.errno == errno.ELOOP else error.strerror
        raise CheckpointError(f"cannot lock the state in {folder}: {why}") from error
    try:
        _take(descriptor, folder)
        yield
    finally:
        os.close(descriptor)


def _take(descriptor: int, folder: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, b"%d\n" % os.getpid(), 0)
    except BlockingIOError:
        holder = os.pread(descriptor, 20, 0).strip()
        process = holder.decode() if holder.isdigit() else "(unknown)"
        raise CheckpointError(
            f"the state in {folder} is in use by process {process}: end that run, "
            "or give another folder"
        ) from None
    except OSError as error:
        raise CheckpointError(f"cannot lock the state in {folder}: {error.strerror}") from error
