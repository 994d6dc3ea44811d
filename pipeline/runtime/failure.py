"""The first error of several tasks, for the one that waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager


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
