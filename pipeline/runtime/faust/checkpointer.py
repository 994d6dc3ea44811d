"""Checkpoints of a membership: from counted to durable, and from durable to shown."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol

import faust
from aiokafka.errors import KafkaError

from pipeline.dead_letters.producer import DlqProducer, Headers
from pipeline.kafka.batch import TopicPartition
from pipeline.kafka.topics import changelog
from pipeline.runtime.faust.transport import FoldingConsumer
from pipeline.state.assignment import Assignment, packed
from pipeline.state.changelog import Record
from pipeline.state.partition import Partition, Snapshot

_log = logging.getLogger(__name__)


class InEngine(Protocol):
    """Runs a function in the thread that counts."""

    def __call__(self, function: Callable[..., Any], *arguments: Any) -> Awaitable[Any]:
        """What it returns."""


class Checkpoints:
    """Writes what is counted to the changelogs of the app's group.

    `turn` is held by whoever counts a batch, or cuts; `cut` cuts the group's partitions.
    """

    def __init__(
        self,
        app: faust.App,
        group: Assignment,
        dead_letters: str,
        in_engine: InEngine,
        cut: Callable[[], Mapping[TopicPartition, tuple[Partition, Snapshot]]],
    ) -> None:
        self.turn = asyncio.Lock()
        self.outbox = DlqProducer(dead_letters, self._send_letter)
        self.written: dict[TopicPartition, int] = {}
        """The last changelog offset this process wrote, by partition."""
        self.uncut = 0
        """Messages counted since the last cut."""
        self._app = app
        self._group = group
        self._dead_letters = dead_letters
        self._in_engine = in_engine
        self._cut = cut
        self._one = asyncio.Lock()

    async def make(self) -> None:
        """Make durable what is counted, then show it."""
        async with self._one:
            async with self.turn:
                letters = self.outbox.take()
                self.uncut = 0
                cuts = await self._in_engine(self._cut)
            made = await asyncio.to_thread(packed, cuts)
            await self.outbox.arrived(letters)
            await self._write({where: found.parts for where, found in made.items()})
            await self._write({where: [found.manifest] for where, found in made.items()})
            self._group.delivered(made)
            await self._confirm()
            await self._write({where: found.deletions for where, found in made.items()})

    async def _write(self, records: Mapping[TopicPartition, Sequence[Record]]) -> None:
        """Write to the changelogs; when it returns, it is durable."""
        wheres, sent = [], []
        for where, some in records.items():
            topic = changelog(self._app.conf.id, where.topic)
            for key, value in some:
                wheres.append(where)
                sent.append(await self._send(topic, key, value, partition=where.partition))
        for where, found in zip(wheres, await asyncio.gather(*sent), strict=True):
            self.written[where] = max(found.offset, self.written.get(where, -1))

    async def _confirm(self) -> None:
        """Commit the offsets: the group takes them from its members only."""
        consumer: FoldingConsumer = self._app.consumer  # type: ignore[assignment] # the transport's
        for generation, positions in self._group.unconfirmed().items():
            try:
                taken = await consumer.commit_in(generation, positions)
            except KafkaError as error:
                _log.warning("the group does not answer: %r", error)
                return
            if taken:
                await self._in_engine(self._group.confirmed, positions)

    async def _send_letter(self, payload: bytes, named: Headers) -> Awaitable[Any]:
        return await self._send(self._dead_letters, None, payload, headers=named)

    async def _send(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        *,
        partition: int | None = None,
        headers: Headers | None = None,
    ) -> Awaitable[Any]:
        sent: Awaitable[Any] = await self._app.producer.send(
            topic, key, value, partition, None, headers
        )
        return sent
