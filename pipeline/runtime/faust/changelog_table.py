"""The changelog of a topic's counts as a Faust table: Faust recovers it, and tells when it has."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any, NamedTuple

import faust
from faust.types import TP

from pipeline.kafka.batch import TopicPartition
from pipeline.kafka.connection import BrokerError, changelog
from pipeline.runtime.failure import Failure
from pipeline.runtime.faust import private
from pipeline.runtime.faust.takeover import Takeover
from pipeline.state.changelog import ChangelogError, State
from pipeline.state.changelog_reader import read


class _Kept(NamedTuple):
    """The last record of a key."""

    value: bytes
    offset: int


class ChangelogTable(faust.Table[bytes, bytes]):
    """A table whose changelog is read as `changelog` writes it; it has no local copy."""

    logger = logging.getLogger("faust.tables")

    def __init__(
        self, app: faust.App, takeover: Takeover, failure: Failure, topic: str, partitions: int
    ) -> None:
        super().__init__(
            app, name=f"{topic}-ledger", key_type=bytes, value_type=bytes, partitions=partitions
        )
        self.topic = topic
        self._takeover = takeover
        self._failure = failure
        self._records: dict[int, dict[bytes, _Kept]] = {}
        self._generation = 0
        self._revoked = True
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
        self._takeover.joined()
        self._generation, self._revoked = generation_id, False
        self._records = {}
        await super().on_rebalance(assigned, revoked, newly_assigned, generation_id)

    def revoke(self) -> None:
        """The group takes all partitions away: whatever comes is for the next generation."""
        self._revoked = True

    def persisted_offset(self, tp: TP) -> int | None:
        """From where the changelog is to be read: its start, or not at all."""
        where = TopicPartition(self.topic, tp.partition)
        written = self._takeover.written(where, self._generation)
        return -1 if written is None else written

    def apply_changelog_batch(self, batch: Iterable[Any]) -> None:
        """Keep the last record of each key; one without a key is refused by `read`."""
        with self._failure.catch():  # Faust would go on without the batch
            for event in batch:
                message = event.message
                key = message.key or b""
                records = self._records.setdefault(message.partition, {})
                if message.value is None:
                    records.pop(key, None)
                else:
                    records[key] = _Kept(message.value, message.offset)

    async def on_recovery_completed(self, active_tps: set[TP], standby_tps: set[TP]) -> None:
        """Faust has read the changelogs: take over the partitions."""
        await super().on_recovery_completed(active_tps, standby_tps)
        generation = private.recovered_generation(self.app)
        if generation is None or not self.holds(generation):
            return
        partitions = {tp.partition for tp in active_tps}
        with self._failure.catch():  # Faust would not look at it
            await self._takeover.restore(self, partitions, generation)
        if self.holds(generation):
            self._records = {}

    def holds(self, generation: int) -> bool:
        """Whether its records are of this generation, which lasts until partitions are revoked.

        The next one reads them anew.
        """
        return self._generation == generation and not self._revoked

    def saved(self, partition: int) -> State:
        """What the changelog of a partition says. Raises BrokerError when it cannot be used."""
        records = self._records.get(partition, {})
        try:
            return read({key: kept.value for key, kept in records.items()})
        except ChangelogError as error:
            at = f" offset {records[error.key].offset}" if error.key in records else ""
            key = error.key.decode(errors="backslashreplace")
            raise BrokerError(
                f'{self.changelog_name}[{partition}]{at}, key "{key}": {error}. Go on under '
                f"another group_id, or delete {self.changelog_name} to start from zero"
            ) from error
