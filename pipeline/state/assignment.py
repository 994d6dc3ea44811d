"""The partitions that a process owns in a consumer group, and the counts it shows of them.

Two views, which differ on purpose. `shown` is for Prometheus: the increments this process made
durable itself since it started, so a series never decreases and no increment is in two processes.
`totals()` are the exact totals of the partitions it owns now, also when others counted them.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping

import numpy as np

from pipeline.kafka.batch import TopicPartition
from pipeline.stage import Change, Delta, Measure, MetricSet
from pipeline.state.changelog import CheckpointRecords, Epoch, State
from pipeline.state.joint_merge import merge_together
from pipeline.state.label_sets import InternerPool
from pipeline.state.ledger import RESTARTED, Ledger, Totals
from pipeline.state.memories import Memories, Remembering
from pipeline.state.partition import Partition, Snapshot
from pipeline.state.parts import by_part, interned_by_part, joined
from pipeline.state.series_rows import InternedDelta
from pipeline.state.series_table import SeriesTable

_log = logging.getLogger(__name__)


class Assignment:
    """Counts per partition. Written by one thread at a time; any thread may read.

    `clock` gives seconds from any start.
    """

    def __init__(
        self,
        families: MetricSet,
        max_series: int = 0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._sharing = InternerPool()
        self.limited: set[str] = set()
        """The metrics that are at a limit, in a partition or in what is shown."""
        self.shown = Ledger(_exposed(families), max_series, self._sharing, self.limited)
        self.topics: dict[str, int] = {}
        """How many partitions each topic of the group has."""
        self.topic_ids: dict[str, str] = {}
        """The id of each topic, and of each changelog; "" where its broker has no ids."""
        self._families = families
        self._max_series = max_series
        self._clock = clock
        self._remembering: Mapping[str, Remembering] = {}
        self._partitions: dict[TopicPartition, Partition] = {}
        self._restarted: set[str] = set()
        self._lock = threading.Lock()

    def is_kept(self, where: TopicPartition, generation: int) -> bool:
        """Whether a partition assigned anew was this process's in the generation just before.

        No other process can have owned it in between, so the counts in memory are still valid.
        """
        held = self._partitions.get(where)
        return held is not None and held.generation + 1 == generation

    def keep(self, topic: str, wheres: Collection[TopicPartition], generation: int) -> None:
        """Go on with these partitions of a topic in a new generation; forget its others."""
        with self._lock:
            self._partitions = {
                w: p for w, p in self._partitions.items() if w.topic != topic or w in wheres
            }
            for where in wheres:
                self._partitions[where].generation = generation

    def restore(self, where: TopicPartition, state: State, generation: int, position: int) -> None:
        """Take a partition over, from its changelog's state on.

        `position` is the next offset to count.
        """
        epoch = Epoch(state.newest + 1, generation)
        partition = Partition(
            self._families,
            self._max_series,
            epoch,
            state,
            position,
            topic_id=self.topic_ids.get(where.topic, ""),
            sharing=self._sharing,
            limited=self.limited,
            clock=self._clock,
            remembering=self._remembering,
        )
        for name in set(partition.restarted) - self._restarted:
            self._restarted.add(name)
            _log.warning(RESTARTED, name)
        with self._lock:
            self._partitions[where] = partition

    def adopt(
        self,
        families: MetricSet,
        unchanged: Collection[str],
        max_series: int,
    ) -> None:
        """Count these families from now on; those that are not `unchanged` start again."""
        with self._lock:
            self._families, self._max_series = families, max_series
            for partition in self._partitions.values():
                partition.adopt(families, unchanged, max_series)
            self.shown.adopt(_exposed(families), unchanged, max_series)

    def remember(self, remembering: Mapping[str, Remembering]) -> None:
        """Remember for these stages from now on."""
        with self._lock:
            self._remembering = remembering
            for partition in self._partitions.values():
                partition.remember(remembering)

    @property
    def remembers(self) -> bool:
        """Whether a stage of the plan remembers flows."""
        return bool(self._remembering)

    def owns(self, where: TopicPartition) -> bool:
        """Whether a partition is owned."""
        return where in self._partitions

    def memories(self, where: TopicPartition) -> Memories:
        """What stages remember of a partition that is owned."""
        return self._partitions[where].memories

    def measures(self) -> list[Measure]:
        """What self-metrics show of what stages remember, of all partitions that are owned."""
        held = [Memories(self._remembering), *(p.memories for p in self._partitions.values())]
        return [measure for memories in held for measure in memories.measures()]

    def forget(self) -> None:
        """Give up all partitions. The shown counts stay."""
        with self._lock:
            self._partitions = {}

    def position(self, where: TopicPartition) -> int:
        """The next offset to count of a partition that is owned."""
        return self._partitions[where].position

    def positions(self) -> dict[TopicPartition, int]:
        """The next offset to count, by partition."""
        with self._lock:
            return {where: partition.position for where, partition in self._partitions.items()}

    def progress(self) -> dict[TopicPartition, tuple[int, float]]:
        """The next offset to count, and for how long (s) counts have not been durable."""
        with self._lock:
            return {where: (p.position, p.age) for where, p in self._partitions.items()}

    def durable(self) -> dict[TopicPartition, int]:
        """The position that the changelog includes, where it has one."""
        with self._lock:
            found = {where: partition.durable for where, partition in self._partitions.items()}
        return {where: position for where, position in found.items() if position is not None}

    def count(
        self,
        where: TopicPartition,
        deltas: list[Delta],
        position: int,
        now: float,
        changes: Mapping[str, Change] | None = None,
    ) -> None:
        """Add a batch of a partition that ends before `position`, with its changes of memories."""
        self._partitions[where].count(deltas, position, now, changes)

    def count_parts(
        self, ends: Mapping[TopicPartition, int], deltas: list[Delta], now: float
    ) -> None:
        """Add a batch whose parts are of these partitions, in their order, and end before `ends`.

        Of deltas with PART, label sets are looked up once for all parts, unless it depends on what
        a partition has counted.
        """
        partitions = [self._partitions[where] for where in ends]
        moments = np.array([partition.moment(now) for partition in partitions])
        own: list[list[Delta]] = [[] for _ in partitions]
        interned: list[list[InternedDelta]] = [[] for _ in partitions]
        for delta in deltas:
            policy = self._families[delta.family.name][1]
            if delta.keyed or policy.addresses:
                for part, one in by_part(delta):
                    own[part].append(one)
            else:
                sets = self._sharing.of(delta.family)
                for part, rows in interned_by_part(delta, sets, moments):
                    interned[part].append(rows)
        for place, (partition, end) in enumerate(zip(partitions, ends.values(), strict=True)):
            partition.count(own[place], end, now, interned=interned[place])

    @property
    def settled(self) -> bool:
        """Whether all that is counted is durable and shown."""
        with self._lock:
            return not any(p.dirty or p.unconfirmed for p in self._partitions.values())

    def skip_to(self, where: TopicPartition, position: int) -> None:
        """Record that messages of a partition before an offset cannot be counted any more."""
        self._partitions[where].skip_to(position)

    def cut_to(self, where: TopicPartition, position: int) -> None:
        """Record that the messages of a partition from an offset on are gone."""
        self._partitions[where].cut_to(position)

    def snapshot(self) -> dict[TopicPartition, tuple[Partition, Snapshot]]:
        """A snapshot of every partition whose changelog is behind."""
        with self._lock:
            dirty = {where: p for where, p in self._partitions.items() if p.dirty}
        merge_together(table for partition in dirty.values() for table in partition.unfolded())
        return {where: (partition, partition.snapshot()) for where, partition in dirty.items()}

    def delivered(self, checkpoints: Mapping[TopicPartition, CheckpointRecords]) -> None:
        """Record that these checkpoints are durable."""
        with self._lock:
            for where, checkpoint in checkpoints.items():
                if where in self._partitions:
                    self._partitions[where].delivered(checkpoint)

    def unconfirmed(self) -> dict[int, dict[TopicPartition, int]]:
        """By generation, the durable positions that are not committed yet."""
        found: dict[int, dict[TopicPartition, int]] = {}
        with self._lock:
            for where, partition in self._partitions.items():
                if partition.durable is not None and partition.unconfirmed:
                    found.setdefault(partition.generation, {})[where] = partition.durable
        return found

    def confirmed(self, positions: Mapping[TopicPartition, int]) -> None:
        """Record that these positions are committed: show the counts that are durable."""
        with self._lock:
            owned = {w: self._partitions[w] for w in positions if w in self._partitions}
            counted = [c for w, p in owned.items() for c in p.confirmed(positions[w])]
        self.shown.add(joined(counted))

    @property
    def overflowed(self) -> Mapping[str, int]:
        """How many label sets of each metric were beyond a limit of what is shown.

        Of facts, beyond a limit of a partition.
        """
        found = Counter(self.shown.overflowed)
        for partition in self._owned():
            found.update(partition.hidden_overflowed())
        return found

    def tables(self) -> list[SeriesTable]:
        """What is shown: the increments this process made durable, a table for each metric."""
        return self.shown.tables()

    def hidden(self) -> list[SeriesTable]:
        """The durable facts, a table for each family and partition."""
        tables = [table for partition in self._owned() for table in partition.tables()]
        return [table for table in tables if not table.family.exposed]

    def _owned(self) -> list[Partition]:
        with self._lock:
            return list(self._partitions.values())

    def totals(self) -> Totals:
        """The durable totals over all partitions owned, and the positions they include."""
        with self._lock:
            owned = {w: p for w, p in self._partitions.items() if p.durable is not None}
            positions = {where: partition.durable or 0 for where, partition in owned.items()}
            tables = [partition.tables() for partition in owned.values()]
        merged = []
        for number, (family, policy) in enumerate(self._families.values()):
            table = SeriesTable(family, policy, self._sharing.of(family))
            table.merge([held[number].rows for held in tables])
            merged.append(table)
        return Totals(positions, self.topics, merged)


def _exposed(families: MetricSet) -> MetricSet:
    return {name: held for name, held in families.items() if held[0].exposed}


def packed(
    snapshots: Mapping[TopicPartition, tuple[Partition, Snapshot]],
) -> dict[TopicPartition, CheckpointRecords]:
    """The records of these snapshots, in any thread: counting may go on meanwhile."""
    return {where: partition.packed(taken) for where, (partition, taken) in snapshots.items()}
