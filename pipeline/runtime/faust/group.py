"""The consumer group as its member sees it: what it may write, commit, and ask."""

from __future__ import annotations

from collections.abc import Awaitable, Collection, Mapping
from typing import Any, Protocol, cast

import faust
from aiokafka.errors import IllegalStateError, TopicAuthorizationFailedError
from faust.exceptions import FaustError
from faust.types import TP

from pipeline.dead_letters.producer import Headers
from pipeline.kafka.batch import TopicPartition
from pipeline.kafka.epochs import Newest
from pipeline.kafka.metadata import READ
from pipeline.runtime.faust import private
from pipeline.runtime.faust.answer_watch import Awaited
from pipeline.runtime.faust.transport import BatchingConsumer


class MovedError(Exception):
    """A topic is not what it was when the membership began; another one can cope."""


class Group(Protocol):
    """A membership of a group. Everything but `member_id` may raise KafkaError."""

    @property
    def name(self) -> str:
        """The id of the group."""

    @property
    def member_id(self) -> str:
        """The name the group gave this member; another one when it had forgotten the member."""

    async def send(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        headers: Headers | None = None,
        *,
        partition: int | None = None,
    ) -> Awaitable[Any]:
        """Hand a record over; what comes back is done, with its offset, when it is durable."""

    def give_up_sending(self) -> None:
        """Wait no longer for records that are not durable yet; the next member sends them again."""

    async def commit(self, generation: int, offsets: Mapping[TopicPartition, int]) -> bool:
        """Commit offsets as a member of that generation; False when the group has moved on."""

    async def leave(self) -> None:
        """Let the others have the partitions; those of a static member wait for its return."""

    async def read_again(self, positions: Mapping[TopicPartition, int]) -> None:
        """Throw away what was fetched of these partitions and read on from these offsets."""

    def assigned(self, topic: str) -> set[int]:
        """The partitions of a topic that are assigned to this member."""

    async def bounds(
        self, wheres: Collection[TopicPartition]
    ) -> dict[TopicPartition, tuple[int, int]]:
        """The offsets of the first message of partitions, and of the next one to come."""

    async def newest(self, wheres: Collection[TopicPartition]) -> dict[TopicPartition, Newest]:
        """What the newest leaders of partitions have written, where that is known."""

    def end(self, where: TopicPartition) -> int | None:
        """The offset of the next message to come, as the last fetch said; None before it."""

    async def topic_ids(self, topics: Collection[str]) -> Mapping[str, str]:
        """The ids of topics now, "" where brokers have none; a topic that is gone is left out.

        Raises TopicAuthorizationFailedError when a topic cannot be described.
        """

    async def error(self) -> BaseException | None:
        """What kept this member from joining, or from reading a topic, since the last time.

        The client tries again only after it was asked for. Raises what crashed the client.
        """

    async def awaited(self) -> Awaited:
        """The answers of brokers that this member waits for; none while they all come."""

    def recovery(self) -> Mapping[TopicPartition, tuple[int, int]]:
        """Of changelogs that are being read: the last offset that was, and the last one to read.

        Those that are read to their end are left out.
        """

    @property
    def connected(self) -> bool:
        """Whether the coordinator of the group is known and was reached."""


class FaustGroup:
    """The group of a Faust app. `committed`: open transactions are not read."""

    def __init__(self, app: faust.App, *, committed: bool) -> None:
        self._app = app
        self._committed = committed

    @property
    def _consumer(self) -> BatchingConsumer:
        return cast("BatchingConsumer", self._app.consumer)

    @property
    def name(self) -> str:
        """The id of the group."""
        return str(self._app.conf.id)

    @property
    def member_id(self) -> str:
        """The name the group gave this member."""
        return private.member_id(private.aiokafka_consumer(self._consumer))

    async def send(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        headers: Headers | None = None,
        *,
        partition: int | None = None,
    ) -> Awaitable[Any]:
        """Hand a record over to Faust's producer."""
        sent: Awaitable[Any] = await self._app.producer.send(
            topic, key, value, partition, None, headers
        )
        return sent

    def give_up_sending(self) -> None:
        """Of Faust's producer."""
        private.give_up_sending(self._app)

    async def commit(self, generation: int, offsets: Mapping[TopicPartition, int]) -> bool:
        """Commit offsets as a member of that generation."""
        return await self._consumer.commit_as(generation, offsets)

    async def leave(self) -> None:
        """Where the client has started."""
        if private.started(self._consumer):
            await self._consumer.leave()

    async def read_again(self, positions: Mapping[TopicPartition, int]) -> None:
        """Read on from these offsets."""
        await self._consumer.read_again(positions)

    def assigned(self, topic: str) -> set[int]:
        """The partitions of a topic that are assigned now."""
        return {tp.partition for tp in self._consumer.assignment() if tp.topic == topic}

    async def bounds(
        self, wheres: Collection[TopicPartition]
    ) -> dict[TopicPartition, tuple[int, int]]:
        """Asked of the brokers."""
        return await self._consumer.bounds(wheres)

    async def newest(self, wheres: Collection[TopicPartition]) -> dict[TopicPartition, Newest]:
        """Asked of their leaders."""
        return await self._consumer.newest(wheres)

    async def awaited(self) -> Awaited:
        """As the client has it."""
        return await self._consumer.awaited()

    def end(self, where: TopicPartition) -> int | None:
        """As the last fetch said; that is the first open transaction where these are not read."""
        client = private.aiokafka_consumer(self._consumer)
        asked = client.last_stable_offset if self._committed else client.highwater
        try:
            found: int | None = asked(TP(*where))
        except (AssertionError, IllegalStateError):
            return None  # not assigned any more
        return found

    async def topic_ids(self, topics: Collection[str]) -> Mapping[str, str]:
        """Asked of a broker."""
        described = await self._consumer.describe(topics)
        hidden = [name for name, topic in described.items() if topic.problem(READ)]
        if hidden:
            raise TopicAuthorizationFailedError(hidden)
        return {name: topic.topic_id for name, topic in described.items()}

    async def error(self) -> BaseException | None:
        """Of the coordinator, or of a fetch. Raises what crashed Faust or its recovery."""
        services = [self._app, cast("Any", self._app.tables).recovery]
        crashed = [service.crash_reason for service in services if service.crashed]
        if crashed:
            raise crashed[0] or FaustError("Faust has crashed")
        return await self._consumer.take_error() if private.started(self._consumer) else None

    def recovery(self) -> Mapping[TopicPartition, tuple[int, int]]:
        """As Faust has it."""
        return private.recovery_left(self._app)

    @property
    def connected(self) -> bool:
        """As the client has it."""
        consumer = self._consumer
        return private.started(consumer) and private.coordinator_known(
            private.aiokafka_consumer(consumer)
        )
