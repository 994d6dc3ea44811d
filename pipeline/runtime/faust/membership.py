"""One membership of the group: a Faust app that hands batches down, and ends.

The walk of a flow: a poll's records -> batches in events (`transport`) -> held until there
are enough of them or the first one waited long enough (`intake`) -> the plan, in a thread of its
own, and into the partition's counts (`partition_processor`). Every few seconds what is counted
becomes durable, then shown (`checkpointer`). A rebalance begins with a checkpoint before partitions
are let go, and ends with Faust's recovery of the changelogs (`changelog_table`, `takeover`), except
of partitions that were ours just before.

Whatever fails here ends the membership; `worker` starts another one, which goes on from what is
durable.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import Any

import faust
from aiokafka.errors import KafkaError
from faust.exceptions import FaustError

from pipeline.exposition.self_metrics import PartitionStatus, Telemetry
from pipeline.runtime.failure import Failure
from pipeline.runtime.faust.checkpointer import Checkpointer
from pipeline.runtime.faust.group import Group
from pipeline.runtime.faust.group_watch import GroupWatch
from pipeline.runtime.faust.intake import Intake, Sources
from pipeline.runtime.faust.transport import PassThrough
from pipeline.runtime.status import Status
from pipeline.state.assignment import Assignment

_FINISH_SECONDS = 5.0
_GOODBYE_SECONDS = 1.0
_LEAVE_SECONDS = 3.0
_OBSERVE_SECONDS = 1.0
_IDLE_SECONDS = 0.25


class Membership:
    """A membership; `run` returns when it was told to stop, and raises what ended it otherwise."""

    def __init__(
        self,
        *,
        app: faust.App,
        sources: Sources,
        group: Group,
        assignment: Assignment,
        checkpointer: Checkpointer,
        intake: Intake,
        watch: GroupWatch,
        telemetry: Telemetry,
        status: Status,
        failure: Failure,
        interval: float,
    ) -> None:
        self._app = app
        self._sources = sources
        self._group = group
        self._assignment = assignment
        self._checkpointer = checkpointer
        self._intake = intake
        self._watch = watch
        self._telemetry = telemetry
        self._status = status
        self._failure = failure
        self._interval = interval
        app.on_partitions_revoked.connect(self._revoked, weak=False)
        for topic in sources:
            flows = app.topic(topic, schema=PassThrough(), acks=False)
            app.agent(flows, name=f"count-{topic}")(self._agent)

    async def run(self, stopping: asyncio.Event) -> None:
        """Join, count until `stopping`, leave."""
        self._status.set("joining the group")
        starting = asyncio.create_task(self._app.start())
        stopped = asyncio.create_task(stopping.wait())
        endless = [
            asyncio.create_task(task)
            for task in (
                self._failure.wait(),
                self._crashed(),
                self._flush(),
                self._tick(),
                self._checkpoints(),
                self._observe(),
                self._watch.run(),
            )
        ]
        try:
            await _first_of(stopped, starting, *endless)
            await _first_of(stopped, *endless)
            self._status.set("it is told to stop")
            if starting.done():
                await asyncio.wait_for(self._let_go(), _FINISH_SECONDS)
        finally:
            self._intake.is_open = False
            for task in (*endless, stopped):
                task.cancel()
            await asyncio.gather(*endless, stopped, return_exceptions=True)
            await self._leave(starting)

    async def _leave(self, starting: asyncio.Task[None]) -> None:
        self._status.set("leaving the group")
        self._group.give_up_sending()
        with suppress(TimeoutError, FaustError, KafkaError, AttributeError):
            await asyncio.wait_for(self._group.leave(), _GOODBYE_SECONDS)
        with suppress(TimeoutError, FaustError, KafkaError, AttributeError):
            await asyncio.wait_for(asyncio.shield(self._app.stop()), _LEAVE_SECONDS)
        if not starting.done():
            starting.cancel()

    async def _crashed(self) -> None:
        await self._app.wait_until_stopped()
        raise self._app.crash_reason or FaustError("Faust has stopped")

    async def _agent(self, stream: Any) -> None:
        async for event in stream.events():
            with self._failure.catch():  # Faust would restart the agent
                for where, batch in event.value.items():
                    await self._intake.add(where, batch)

    async def _revoked(self, *_: Any, **__: Any) -> None:
        self._status.set("the group is rebalancing")
        with self._failure.catch():  # Faust must go on with the rebalance
            await self._let_go()

    async def _let_go(self) -> None:
        await self._intake.close()
        await self._checkpointer.commit()

    async def _flush(self) -> None:
        """Count what has waited; where that takes long, as often as leaves half of the time.

        While nothing waits, it sleeps.
        """
        lingers = [subscription.linger for _, subscription in self._sources.values()]
        pause = max(0.02, min(lingers) / 4)
        while True:
            await self._intake.holds_some()
            begun = time.monotonic()
            await self._intake.count_expired()
            await asyncio.sleep(max(pause, time.monotonic() - begun))

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(_IDLE_SECONDS)
            await self._intake.count_idle()

    async def _checkpoints(self) -> None:
        while True:
            await self._checkpointer.due(self._interval)
            if self._intake.is_open:
                await self._intake.count_held()
                await self._checkpointer.commit()

    async def _observe(self) -> None:
        while True:
            await asyncio.sleep(_OBSERVE_SECONDS)
            held = []
            for where, (position, age) in self._assignment.progress().items():
                end = self._group.end(where) if self._intake.is_open else None
                held.append(PartitionStatus(*where, position, end or position, age))
            self._telemetry.set_partitions(held)


async def _first_of(*tasks: asyncio.Task[Any]) -> None:
    """Return when one of them is done. Raises what it raised."""
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in done:
        task.result()
