"""Errors that end a run: which of several, and whether it is worth another attempt."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Iterator
from contextlib import contextmanager

_FINAL = frozenset(
    (
        *(errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT, errno.ENOTDIR, errno.EISDIR),
        *(errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EMFILE, errno.ENFILE),
    )
)
"""Errors of the system about files and rights, which stay until somebody mends them."""


class WorkerError(Exception):
    """A worker has ended, and would again; the message says why."""


class OutputError(OSError):
    """Standard output cannot be written."""


def is_final(error: BaseException) -> bool:
    """Whether an error of the system or of an import is there again at the next attempt."""
    if isinstance(error, OSError):
        return isinstance(error, OutputError) or error.errno in _FINAL
    return isinstance(error, ImportError)


class Failure:
    """Made and used in one event loop."""

    def __init__(self) -> None:
        self._future: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @contextmanager
    def catch(self) -> Iterator[None]:
        """An error that ends the block is the failure, unless there was one before."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 - whoever waits looks at it
            if not self._future.done():
                self._future.set_exception(error)
                self._future.exception()  # looked at, also when nobody waits any more

    async def wait(self) -> None:
        """Raises the failure when there is one."""
        await asyncio.shield(self._future)
