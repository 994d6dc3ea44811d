"""Why a member does not count, while it tries again by itself."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress

from aiokafka.errors import KafkaError

from pipeline.kafka.connection import Connection
from pipeline.kafka.errors import explain
from pipeline.kafka.reach import unreachable
from pipeline.runtime.faust.answer_watch import AnswerWatch
from pipeline.runtime.faust.checkpointer import Checkpointer
from pipeline.runtime.faust.group import Group
from pipeline.runtime.faust.intake import Intake
from pipeline.runtime.faust.recovery_watch import RecoveryWatch, StalledError
from pipeline.runtime.status import Status

_TICK = 1.0
_LONGEST_PAUSE = 8.0
_UNKNOWN_TICKS = 3
_COORDINATOR_TICKS = 8
_TOPIC_TICKS = 2
_ANSWER_SECONDS = 3.0


class LoginError(Exception):
    """The brokers refuse a login that they took before; the next membership reads it anew."""


class GroupWatch:
    """Asks the client every second what keeps it from joining or from reading.

    The client waits until it was asked, then tries again: after 1 s, 2 s, 4 s, then every 8 s.
    """

    def __init__(
        self,
        *,
        group: Group,
        connection: Connection,
        topics: Collection[str],
        checkpointer: Checkpointer,
        intake: Intake,
        recovery: RecoveryWatch,
        status: Status,
        probe: Callable[[Connection], Awaitable[str]] = unreachable,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._group = group
        self._connection = connection
        self._topics = topics
        self._checkpointer = checkpointer
        self._intake = intake
        self._recovery = recovery
        self._status = status
        self._probe = probe
        self._sleep = sleep
        self._pause = _TICK
        self._answers = AnswerWatch()
        self._unknown = self._ticks = 0
        self._reported = False

    async def run(self) -> None:
        """Watch. Raises what another membership can cope with, and what crashed the client."""
        while True:
            await self._sleep(self._pause)
            await self.look()

    async def look(self) -> None:
        """One look."""
        error = await self._group.error()
        self._look_at_the_recovery(connected=error is None and self._group.connected)
        if error is not None:
            self._report(explain(error), type(error).__name__)
            self._pause = min(2 * self._pause, _LONGEST_PAUSE)
            return
        self._pause = _TICK
        awaited = {**await self._group.awaited(), **self._checkpointer.awaited}
        late = self._answers.look(awaited)
        self._unknown = 0 if self._group.connected else self._unknown + 1
        if self._unknown >= _UNKNOWN_TICKS:
            await self._look_for_the_brokers(late)
        elif late:
            self._report(late, "Unanswered")
        elif self._group.connected:
            await self._look_at_the_topics()
            if self._reported and self._intake.is_open:
                self._reported = False
                self._status.set("")

    def _look_at_the_recovery(self, *, connected: bool) -> None:
        try:
            self._recovery.look(connected=connected)
        except StalledError as error:
            self._report(str(error), type(error).__name__)
            raise

    async def _look_for_the_brokers(self, late: str) -> None:
        """Why no coordinator is known. Answers are late too then, and a refused login is why."""
        reason = await self._probe(self._connection)
        if "refuses the login" in reason:
            self._report(reason, "Unreachable")
            raise LoginError(reason)
        if late:
            self._report(late, "Unanswered")
        elif reason:
            self._report(reason, "Unreachable")
        elif self._unknown >= _COORDINATOR_TICKS:
            said = f"no broker is the coordinator of group {self._group.name}"
            self._report(said, "Unreachable")

    async def _look_at_the_topics(self) -> None:
        self._ticks += 1
        if self._intake.is_open and self._ticks % _TOPIC_TICKS == 0 and not self._answers.waits:
            with suppress(KafkaError, TimeoutError):  # asked again
                async with asyncio.timeout(_ANSWER_SECONDS):
                    await self._checkpointer.check_topics(self._topics)
                    await self._intake.look_for_losses()

    def _report(self, reason: str, error: str) -> None:
        self._reported = True
        self._status.problem(reason, error)
