"""A file that others read, replaced as a whole: nobody ever sees half of it."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path

from pipeline.diagnostics import Location, refusal


def replace(path: Path, before: bytes, after: bytes) -> None:
    """Replace the content of a file that still is `before`; its owner and mode stay.

    Raises ConfigError when it has changed meanwhile, and OSError.
    """
    target = path.resolve()
    status = target.stat()
    with tempfile.NamedTemporaryFile(dir=target.parent, prefix=".", delete=False) as file:
        partial = Path(file.name)
        try:
            file.write(after)
            file.flush()
            os.fsync(file.fileno())
            partial.chmod(status.st_mode & 0o7777)
            with suppress(PermissionError):
                os.chown(partial, status.st_uid, status.st_gid)
            if target.read_bytes() != before:
                raise refusal(Location(str(path)), "the file has changed meanwhile", "try again")
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)
