"""Files that others read, written as a whole: nobody ever sees half of one."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pipeline.diagnostics import Location, refusal


def create(path: Path, content: bytes) -> None:
    """Write a new file. Raises OSError, FileExistsError when the name is taken."""
    with _partial(path, content) as partial:
        partial.chmod(0o644)
        path.hardlink_to(partial)


def replace(path: Path, before: bytes, after: bytes) -> None:
    """Replace the content of a file that still is `before`; its owner and mode stay.

    Raises ConfigError when it has changed meanwhile, and OSError.
    """
    target = Path(os.path.realpath(path))  # of a loop of links it is one of them
    status = target.stat()
    with _partial(target, after) as partial:
        partial.chmod(status.st_mode & 0o7777)
        with suppress(PermissionError):
            os.chown(partial, status.st_uid, status.st_gid)
        if target.read_bytes() != before:
            raise refusal(Location(str(path)), "the file has changed meanwhile", "try again")
        partial.replace(target)


@contextmanager
def _partial(target: Path, content: bytes) -> Iterator[Path]:
    """A file beside the target with the content on disk; it is gone afterwards, or renamed."""
    with tempfile.NamedTemporaryFile(dir=target.parent, prefix=".", delete=False) as file:
        partial = Path(file.name)
        try:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
            yield partial
        finally:
            partial.unlink(missing_ok=True)
