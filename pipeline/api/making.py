"""Answers are made in threads: so many at a time, each once for all who ask for it meanwhile."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Hashable
from contextlib import suppress
from typing import Generic, TypeVar

T = TypeVar("T")


class BusyError(Exception):
    """So much is being made, or waits for it, that no more is taken on."""


class Makings(Generic[T]):
    """At most `threads` makings at a time, and `queue` more that wait, `each` of one caller.

    It belongs to an event loop.
    """

    def __init__(self, threads: int, queue: int, each: int) -> None:
        self._slots = asyncio.Semaphore(threads)
        self._most = threads + queue
        self._each = each
        self._under_way: dict[Hashable, asyncio.Task[T]] = {}
        self._asked: Counter[str] = Counter()

    async def make(self, what: Hashable, caller: str, function: Callable[[], T]) -> T:
        """What the function returns, or what the same making that is under way will return.

        Raises BusyError, and what the function raises.
        """
        task = self._under_way.get(what)
        if task is None:
            if len(self._under_way) >= self._most or self._asked[caller] >= self._each:
                raise BusyError
            task = asyncio.create_task(self._run(function))
            self._under_way[what] = task
            self._asked[caller] += 1
            task.add_done_callback(lambda _: self._done(what, caller))
        return await asyncio.shield(task)

    async def _run(self, function: Callable[[], T]) -> T:
        async with self._slots:
            return await in_thread(function)

    def _done(self, what: Hashable, caller: str) -> None:
        del self._under_way[what]
        self._asked[caller] -= 1
        self._asked += Counter()  # without those that have come to 0


def in_thread(function: Callable[[], T]) -> Awaitable[T]:
    """What a function returns that runs in a thread of its own, which holds up no exit."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def tell(told: Callable[[], None]) -> None:
        with suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(lambda: None if future.done() else told())

    def run() -> None:
        try:
            result = function()
        except BaseException as error:  # noqa: BLE001 - it is raised where the result is awaited
            caught = error
            tell(lambda: future.set_exception(caught))
        else:
            tell(lambda: future.set_result(result))

    threading.Thread(target=run, name="answer", daemon=True).start()
    return future
