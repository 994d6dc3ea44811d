"""The changelog of a topic's counts as a Faust table: Faust recovers it, and tells when it has."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any, Protocol, cast

import faust
from faust.types import TP

from pipeline.kafka.batch import TopicPartition
from pipeline.kafka.connection import BrokerError
from pipeline.kafka.topics import changelog
from pipeline.state.changelog import ChangelogError, State, read


class Owner(Protocol):
    """The membership a table belongs to."""

    def joined(self) -> None:
        """The group has let us in."""

    def written(self, where: TopicPartition, generation: int) -> int | None:
        """The last changelog offset of a partition that is ours still; None: it is to be read."""

    async def restore(self, table: LedgerTable, partitions: set[int], generation: int) -> None:
        """Take over the partitions of the table's topic: their changelogs are read."""


class LedgerTable(faust.Table[bytes, bytes]):
    """A table whose changelog is read as `changelog` writes it; it has no local copy."""

    logger = logging.getLogger("faust.tables")

    def __init__(self, app: faust.App, owner: Owner, topic: str, partitions: int) -> None:
        super().__init__(
            app, name=f"{topic}-ledger", key_type=bytes, value_type=bytes, partitions=partitions
        )
        self.owner = owner
        self.topic = topic
        self.records: dict[int, dict[bytes, bytes]] = {}
        self._generation = 0
        if self.changelog_name != changelog(app.conf.id, topic):
            raise BrokerError(f"the changelog of {topic} is not called {self.changelog_name}")

    @property
    def changelog_name(self) -> str:
        """The topic it is kept in."""
        return str(self.changelog_topic.get_topic_name())

    async def on_rebalance(
        self, assigned: set[TP], revoked: set[TP], newly_assigned: set[TP], generation_id: int = 0
    ) -> None:
        """Note the generation, in which partitions may be ours still."""
        self.owner.joined()
        self._generation = generation_id
        self.records = {}
        await super().on_rebalance(assigned, revoked, newly_assigned, generation_id)

    def persisted_offset(self, tp: TP) -> int | None:
        """From where the changelog is to be read: its start, or not at all."""
        written = self.owner.written(TopicPartition(self.topic, tp.partition), self._generation)
        return -1 if written is None else written

    def apply_changelog_batch(self, batch: Iterable[Any]) -> None:
        """Keep the last record of each key."""
        for event in batch:
            message = event.message
            records = self.records.setdefault(message.partition, {})
            if message.value is None:
                records.pop(message.key, None)
            else:
                records[message.key] = message.value

    async def on_recovery_completed(self, active_tps: set[TP], standby_tps: set[TP]) -> None:
        """Faust has read the changelogs: take over the partitions."""
        await super().on_recovery_completed(active_tps, standby_tps)
        recovery = cast("Any", self.app.tables).recovery
        read = recovery._generation_id  # noqa: SLF001 - Faust tells nobody for whom it has read
        if self.holds(read) and not recovery.signal_recovery_start.is_set():
            await self.owner.restore(self, {tp.partition for tp in active_tps}, read)

    def holds(self, generation: int) -> bool:
        """Whether `records` are of this generation; the next one reads them anew."""
        return self._generation == generation

    def saved(self, partition: int) -> State:
        """What the changelog of a partition says. Raises KafkaError when it cannot be used."""
        try:
            return read(self.records.get(partition, {}))
        except ChangelogError as error:
            raise BrokerError(
                f"{self.changelog_name}[{partition}]: {error}. Go on under another group_id, or "
                f"delete {self.changelog_name} to start from zero"
            ) from error
