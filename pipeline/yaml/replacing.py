"""Files that others read, written as a whole: nobody ever sees half of one."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from pipeline.diagnostics import Location, refusal
from pipeline.files import naming, opened, partial


def create(path: Path, content: bytes) -> None:
    """Write a new file. Raises OSError, FileExistsError when the name is taken."""
    with naming(path), partial(path, content) as fresh:
        fresh.chmod(0o644)
        path.hardlink_to(fresh)


def replace(path: Path, before: bytes, after: bytes) -> None:
    """Replace the content of a file that still is `before`; its owner and mode stay.

    Raises ConfigError when it has changed meanwhile, and OSError.
    """
    target = Path(os.path.realpath(path))  # of a loop of links it is one of them
    with naming(path):
        status = target.stat()
        with partial(target, after) as fresh:
            fresh.chmod(status.st_mode & 0o7777)
            with suppress(PermissionError):
                os.chown(fresh, status.st_uid, status.st_gid)
            with opened(target) as file:
                if file.read(len(before) + 1) != before:
                    raise refusal(
                        Location(str(path)), "the file has changed meanwhile", "try again"
                    )
            fresh.replace(target)
