"""A Kafka worker: one membership of the group after the other, until it is told to stop."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Protocol

from aiokafka.errors import KafkaError
from faust.exceptions import FaustError

from pipeline.dead_letters.limit import TooManyDeadLettersError
from pipeline.heap import trim
from pipeline.kafka.connection import BrokerError
from pipeline.kafka.errors import FencedInstanceIdError, explain
from pipeline.runtime.failure import WorkerError, is_final
from pipeline.runtime.faust.group import MovedError
from pipeline.runtime.faust.group_watch import LoginError
from pipeline.runtime.status import Status
from pipeline.timing.periodic import Periodic

_TRIM_SECONDS = 60.0
_PAUSE = 1.0
_LONGEST_PAUSE = 10.0
_MOST = 5
_PASSING = (KafkaError, OSError, TimeoutError, FaustError, MovedError, LoginError)
"""Errors of connections, of brokers, and of topics and logins that change."""
_log = logging.getLogger(__name__)


class Memberships(Protocol):
    """What a worker runs."""

    async def run_one(self, stopping: asyncio.Event) -> None:
        """Join the group, count until `stopping`, leave. Raises what ended it otherwise."""


Pause = Callable[[asyncio.Event, float], Awaitable[None]]
"""Waits for so many seconds, or until the event is set."""


def _what(error: Exception) -> str:
    """What an error that ended a membership is, and is about."""
    if isinstance(error, FencedInstanceIdError):
        return explain(error)
    lost = isinstance(error, (KafkaError, OSError))
    about = "the connection to the group was lost" if lost else "the membership has ended"
    return f"{about}: {error!r}"


async def _pause(stopping: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(stopping.wait(), seconds)


class Worker:
    """Joins again whenever a membership ends, after a pause that grows from 1 s to 10 s.

    A membership that lasted for longer than the longest pause makes the next pause short again.
    Every minute the heap is trimmed: what the start needed is given back, whatever there is to do.
    `stop` sets `stopped`; a signal handler may call it.
    """

    def __init__(
        self,
        memberships: Memberships,
        status: Status,
        stopped: threading.Event,
        on_batch: Callable[[Callable[[int], None]], None],
        *,
        clock: Callable[[], float] = time.monotonic,
        pause: Pause = _pause,
        trim: Callable[[], None] = trim,
    ) -> None:
        self._memberships = memberships
        self._status = status
        self._stopped = stopped
        self._on_batch = on_batch
        self._clock = clock
        self._pause = pause
        self._trimming = Periodic("the trim of the heap", trim, _TRIM_SECONDS)
        self._times, self._last = 0, ""
        self._ended = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None

    @property
    def reason(self) -> str:
        """Why it is not ready; "" when it is."""
        return self._status.not_ready

    def stop(self) -> None:
        """Finish the batch, make it durable, leave the group."""
        self._stopped.set()
        if self._loop and self._stopping:
            with suppress(RuntimeError):  # the loop is closed: the run has ended by itself
                self._loop.call_soon_threadsafe(self._stopping.set)

    def wait(self) -> None:
        """Return when the run has ended."""
        self._ended.wait()

    def run(self, advance: Callable[[int], None] = lambda _: None) -> None:
        """Consume until `stop()`. `advance` is called with the number of messages of each batch.

        Raises what another membership does not mend: BrokerError, TooManyDeadLettersError, OSError
        (about files, rights and standard output), WorkerError. Whatever else happens to brokers and
        connections is waited for.
        """
        self._on_batch(advance)
        self._trimming.start()
        try:
            asyncio.run(self._run())
        finally:
            self._trimming.close()
            self._status.end()
            self._ended.set()

    async def _run(self) -> None:
        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        if self._stopped.is_set():
            return
        pause = _PAUSE
        while True:
            begun = self._clock()
            await self._one(self._stopping)
            if self._clock() - begun > _LONGEST_PAUSE:
                pause, self._times = _PAUSE, 0
            if not self._stopping.is_set():
                await self._pause(self._stopping, pause)
            if self._stopping.is_set():
                return
            pause = min(2 * pause, _LONGEST_PAUSE)

    async def _one(self, stopping: asyncio.Event) -> None:
        try:
            await self._memberships.run_one(stopping)
        except (BrokerError, TooManyDeadLettersError):
            raise
        except Exception as error:  # noqa: BLE001 - the next one goes on from what is durable
            self._end(error)
            self._status.lost(_what(error))
            _log.debug("because of", exc_info=error)

    def _end(self, error: Exception) -> None:
        """Raise an error that another membership does not mend.

        Such are errors about files and rights, and of other errors, those of no connection, the
        one that ended several memberships in a row: it is a defect, and would go on for ever.
        """
        if isinstance(error, OSError) and is_final(error):
            raise error
        if is_final(error):
            raise WorkerError(f"{type(error).__name__}: {error}") from error
        same = repr(error) == self._last and not isinstance(error, _PASSING)
        self._times, self._last = self._times + 1 if same else 1, repr(error)
        if self._times >= _MOST:
            raise WorkerError(f"the same error ended it {_MOST} times: {error!r}") from error
