"""The consumer group as its member sees it: what it may write, commit, and ask."""

from __future__ import annotations

from collections.abc import Awaitable, Collection, Mapping
from typing import Any, Protocol, cast

import faust
from faust.types import TP

from pipeline.dead_letters.producer import Headers
from pipeline.kafka.batch import TopicPartition
from pipeline.runtime.faust import private
from pipeline.runtime.faust.transport import BatchingConsumer


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

    async def commit(self, generation: int, offsets: Mapping[TopicPartition, int]) -> bool:
        """Commit offsets as a member of that generation; False when the group has moved on."""

    async def read_again(self, positions: Mapping[TopicPartition, int]) -> None:
        """Throw away what was fetched of these partitions and read on from these offsets."""

    def assigned(self, topic: str) -> set[int]:
        """The partitions of a topic that are assigned to this member."""

    async def bounds(
        self, wheres: Collection[TopicPartition]
    ) -> dict[TopicPartition, tuple[int, int]]:
        """The offsets of the first message of partitions, and of the next one to come."""

    def end(self, where: TopicPartition) -> int | None:
        """The offset of the next message to come, as the last fetch said; None before it."""


class FaustGroup:
    """The group of a Faust app."""

    def __init__(self, app: faust.App) -> None:
        self._app = app

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

    async def commit(self, generation: int, offsets: Mapping[TopicPartition, int]) -> bool:
        """Commit offsets as a member of that generation."""
        return await self._consumer.commit_as(generation, offsets)

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
        tps = {where: TP(*where) for where in wheres}
        firsts = await self._consumer.earliest_offsets(*tps.values())
        ends = await self._consumer.highwaters(*tps.values())
        return {where: (firsts[tp] or 0, ends[tp] or 0) for where, tp in tps.items()}

    def end(self, where: TopicPartition) -> int | None:
        """As the last fetch said."""
        return self._consumer.highwater(TP(*where))
