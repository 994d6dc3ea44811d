"""The parts of a membership over a consumer group that answers when a test says so."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Collection, Hashable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import faust

from pipeline.dead_letters.producer import DlqProducer, Headers
from pipeline.kafka.batch import TopicPartition
from pipeline.kafka.connection import Connection, Subscription
from pipeline.kafka.epochs import Newest
from pipeline.runtime.delivery import Delivery
from pipeline.runtime.engine import Engine
from pipeline.runtime.faust.app import application
from pipeline.runtime.faust.checkpointer import Checkpointer
from pipeline.runtime.faust.intake import Intake
from pipeline.runtime.faust.takeover import Takeover
from pipeline.runtime.outputs import Outputs
from pipeline.runtime.status import Status
from pipeline.stage import Spec
from tests.runtime.support import Clock, Processing


def app() -> faust.App:
    """An app that is not started."""
    connection = Connection(brokers=("127.0.0.1:1",))
    subscription = Subscription(connection=connection, topics=("t",), group="g")
    return application(subscription, ["t"], dict)


class Sent(NamedTuple):
    """A record handed over to the group's producer."""

    topic: str
    partition: int | None
    key: bytes | None
    value: bytes | None


class Durable(NamedTuple):
    """What the broker says of a record."""

    offset: int


class FakeGroup:
    """Everything is durable at once unless `hold` is set; commits are taken in `generation`."""

    name = "g"

    def __init__(self, generation: int = 1) -> None:
        self.member_id = "member-1"
        self.generation = generation
        self.events: list[str] = []
        self.sent: list[Sent] = []
        self.committed: dict[TopicPartition, int] = {}
        self.again: dict[TopicPartition, int] = {}
        self.found: dict[TopicPartition, tuple[int, int]] = {}
        self.failure: Exception | None = None
        self.errors: list[BaseException] = []
        self.connected, self.silent = True, False
        self.left: dict[TopicPartition, tuple[int, int]] = {}
        self.ids = {"t": "id-1"}
        self.written: dict[TopicPartition, Newest] = {}
        self.waits: dict[Hashable, str] = {}
        self.asked = asyncio.Event()
        self.answers = asyncio.Event()
        self.answers.set()

    async def send(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        headers: Headers | None = None,
        *,
        partition: int | None = None,
    ) -> Awaitable[Any]:
        """Take a record."""
        self.events.append(_kind(topic, key, value))
        self.sent.append(Sent(topic, partition, key, value))
        done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        done.set_result(Durable(len(self.sent) - 1))
        return done

    async def leave(self) -> None:
        """There is nobody else."""

    def give_up_sending(self) -> None:
        """Everything is durable at once."""

    async def commit(self, generation: int, offsets: Mapping[TopicPartition, int]) -> bool:
        """Take offsets, when they are of the generation that holds."""
        self.events.append("commit")
        if self.failure:
            raise self.failure
        if generation != self.generation:
            return False
        self.committed |= offsets
        return True

    async def read_again(self, positions: Mapping[TopicPartition, int]) -> None:
        """Note where reading goes on."""
        self.again |= positions

    def assigned(self, topic: str) -> set[int]:
        """The partitions of a topic that it has."""
        return {where.partition for where in self.found if where.topic == topic}

    async def bounds(
        self, wheres: Collection[TopicPartition]
    ) -> dict[TopicPartition, tuple[int, int]]:
        """As set in `found`, once `answers` is set."""
        self.asked.set()
        await self.answers.wait()
        return {where: self.found[where] for where in wheres}

    async def newest(self, wheres: Collection[TopicPartition]) -> dict[TopicPartition, Newest]:
        """As set in `written`."""
        return {where: self.written[where] for where in wheres if where in self.written}

    def end(self, where: TopicPartition) -> int | None:
        """As set in `found`."""
        return self.found[where][1] if where in self.found else None

    async def topic_ids(self, topics: Collection[str]) -> Mapping[str, str]:
        """As set in `ids`; never while it is `silent`."""
        if self.silent:
            await asyncio.Event().wait()
        return {topic: self.ids[topic] for topic in topics if topic in self.ids}

    async def error(self) -> BaseException | None:
        """The errors that were put there, one after the other."""
        return self.errors.pop(0) if self.errors else None

    async def awaited(self) -> Mapping[Hashable, str]:
        """As set in `waits`."""
        return self.waits

    def recovery(self) -> Mapping[TopicPartition, tuple[int, int]]:
        """As set in `left`."""
        return self.left


def _kind(topic: str, key: bytes | None, value: bytes | None) -> str:
    if not topic.endswith("-ledger-changelog"):
        return "letter"
    if value is None:
        return "delete"
    return "manifest" if key and key.endswith(b"/manifest") else "part"


class Parts(Processing):
    """A membership of a worker that owns both partitions of topic `t`, in generation 1."""

    def __init__(
        self,
        engine: Engine,
        flows: int = 1_000,
        limits: Mapping[str, Any] | None = None,
        behind: Sequence[Spec] = (),
        **more: Any,
    ) -> None:
        super().__init__(*behind, **limits or {})
        subscription = Subscription(
            connection=Connection(brokers=("b",)), topics=("t",), group="g", **more
        )
        self.group, self.clock, self.status = FakeGroup(), Clock(), Status(self.telemetry)
        self.dlq = DlqProducer("dead", partial(self.group.send, "dead", None))
        self.checkpointer = Checkpointer(
            group=self.group,
            assignment=self.assignment,
            processor=self.processor,
            dlq=self.dlq,
            engine=engine,
            flows=flows,
            clock=self.clock,
            busy=self.clock,
        )

        self.intake = Intake(
            sources={"t": ("in", subscription)},
            group=self.group,
            assignment=self.assignment,
            processor=self.processor,
            checkpointer=self.checkpointer,
            delivery=Delivery(
                [], Path(), lambda _flows, _stage: None, Outputs(self.telemetry), threading.Event()
            ),
            dlq=self.dlq,
            engine=engine,
            clock=self.clock,
        )
        self.takeover = Takeover(
            group=self.group,
            assignment=self.assignment,
            processor=self.processor,
            checkpointer=self.checkpointer,
            intake=self.intake,
            sources={"t": ("in", subscription)},
            partitions={"t": 2},
            status=self.status,
        )

    def shown(self) -> float:
        """The flows that a scrape shows."""
        (table,) = self.assignment.shown.tables()
        rows = table.series().rows()
        return float(rows[0][0]) if rows else 0.0


def with_parts(test: Callable[[Parts], Awaitable[None]], **options: Any) -> None:
    """Run a test of them in an event loop; `options` are those of the parts."""

    async def run() -> None:
        with Engine() as engine:
            await test(Parts(engine, **options))

    asyncio.run(run())
