"""What this process knows of one input partition: its counts and the position they include.

Bookkeeping alone: the Kafka runtime delivers what it hands out.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from pipeline.stage import Change, Delta, MetricSet
from pipeline.state.changelog import CheckpointRecords, Epoch, State, Writer
from pipeline.state.label_sets import InternerPool
from pipeline.state.ledger import Ledger
from pipeline.state.memories import Memories, MemorySnapshot, Remembering
from pipeline.state.series_rows import LAST_COUNTED, InternedDelta
from pipeline.state.series_table import SeriesTable


class Snapshot(NamedTuple):
    """What a checkpoint is made of: counts, the position they include, the time of the last one.

    `kept`: the families that go on since the snapshot before; None: all. `memories`: what stages
    remember, as far as it has changed.
    """

    tables: list[SeriesTable]
    position: int
    clock: float
    kept: frozenset[str] | None
    memories: list[MemorySnapshot]


class Partition:
    """Counts of one partition in one epoch.

    Its deltas pass three stages: counted, durable (in the changelog), and confirmed (the group
    still had this process as the owner after they were durable, so that no other one can have
    counted the same messages); the last are handed out to be shown.
    """

    def __init__(
        self,
        families: MetricSet,
        max_series: int,
        epoch: Epoch,
        state: State,
        position: int,
        *,
        topic_id: str = "",
        sharing: InternerPool | None = None,
        limited: set[str] | None = None,
        clock: Callable[[], float] = time.monotonic,
        remembering: Mapping[str, Remembering] | None = None,
    ) -> None:
        self._time = clock
        self.memories = Memories(remembering or {})
        for remembered in state.memories:
            self.memories.restore(*remembered)
        self.position = position
        """The next offset to count."""
        self.durable = position if state.position is not None else None
        """The position the changelog includes; None before the first checkpoint."""
        self.committed: int | None = None
        """The last committed position."""
        self.generation = epoch.generation
        self._ledger = Ledger(families, max_series, sharing, limited, watched=False)
        self.restarted = [
            saved.family.name
            for saved in state.families
            if not self._ledger.restore(saved.family, [saved.totals], saved.overflow)
        ]
        """The families that have changed since the state was written."""
        self._tables = _frozen(self._ledger.tables(), ())
        self._writer = Writer(epoch, state.keys, topic_id)
        self._written = self._changed = False
        self._newest_seen = self._newest_saved = max(
            (_newest(table) for table in self._tables), default=-math.inf
        )
        self._saved = self._time()
        self._counted: list[InternedDelta] = []
        """What will be shown."""
        self._kept: frozenset[str] | None = None
        self._under_way: tuple[list[InternedDelta], list[SeriesTable]] = ([], [])
        self._durable: list[InternedDelta] = []

    def count(
        self,
        deltas: list[Delta],
        position: int,
        now: float,
        changes: Mapping[str, Change] | None = None,
        interned: Sequence[InternedDelta] = (),
    ) -> None:
        """Add a batch that ends before `position`, counted at `now` (epoch seconds).

        `changes` are those of what stages remember. `interned` is more of the batch, counted at
        the `moment` of `now`.
        """
        self.memories.adopt(changes or {})
        self._changed |= bool(changes)
        counted = self._ledger.merge(deltas, self.moment(now))
        self._ledger.add(interned)
        self._counted += [one for one in (*counted, *interned) if one.family.exposed]
        self.position = position

    def moment(self, now: float) -> float:
        """When a batch is counted: at `now` (epoch seconds), but after the last snapshot."""
        moment = max(now, math.nextafter(self._newest_saved, math.inf))
        self._newest_seen = max(self._newest_seen, moment)
        return moment

    def skip_to(self, position: int) -> None:
        """The messages before an offset cannot be counted any more."""
        self.position = max(self.position, position)

    def cut_to(self, position: int) -> None:
        """The messages from an offset on are gone; others come in their place."""
        self.position = min(self.position, position)

    @property
    def dirty(self) -> bool:
        """Whether the changelog is behind the counts."""
        return not self._written or self._changed or self.position != self.durable

    @property
    def unconfirmed(self) -> bool:
        """Whether something durable has not been confirmed."""
        return self.durable is not None and (self.durable != self.committed or bool(self._durable))

    @property
    def age(self) -> float:
        """For how long (s) the changelog has been behind the counts."""
        return self._time() - self._saved if self.dirty else 0.0

    def unfolded(self) -> list[SeriesTable]:
        """The tables that the next snapshot has something to fold in."""
        return self._ledger.unfolded()

    def snapshot(self) -> Snapshot:
        """What is counted so far; `delivered` comes before the next one."""
        self._newest_saved = self._newest_seen
        self._changed = False
        tables = _frozen(self._ledger.tables(), self._tables)
        self._under_way = self._counted, tables
        self._counted = []
        kept, self._kept = self._kept, None
        memories = self.memories.snapshot()
        return Snapshot(tables, self.position, self._newest_saved, kept, memories)

    def packed(self, snapshot: Snapshot) -> CheckpointRecords:
        """The records of the last snapshot. Counting, in another thread, may go on meanwhile."""
        if snapshot.kept is not None:
            self._writer.forget(self._writer.families - snapshot.kept)
        return self._writer.checkpoint(
            snapshot.tables, snapshot.position, snapshot.clock, snapshot.memories
        )

    def delivered(self, checkpoint: CheckpointRecords) -> None:
        """The checkpoint's parts and manifest are durable."""
        counted, self._tables = self._under_way
        self._durable += counted
        self._under_way = ([], [])
        self.durable = checkpoint.position
        self._saved = self._time()
        self._written = True

    def confirmed(self, position: int) -> list[InternedDelta]:
        """The group took this position from its owner: what is durable can be shown now."""
        self.committed = position
        shown, self._durable = self._durable, []
        return shown

    def adopt(
        self,
        families: MetricSet,
        unchanged: Collection[str],
        max_series: int,
    ) -> None:
        """Count these families from now on; those that are not `unchanged` start again."""
        self._ledger.adopt(families, unchanged, max_series)
        kept = frozenset(unchanged)
        self._kept = kept if self._kept is None else self._kept & kept
        counted, tables = self._under_way
        self._under_way = _only(counted, kept), self._going_on(tables, families, kept)
        self._counted, self._durable = (_only(c, kept) for c in (self._counted, self._durable))
        self._tables = self._going_on(self._tables, families, kept)
        self._changed = True

    def remember(self, remembering: Mapping[str, Remembering]) -> None:
        """Remember for these stages from now on."""
        self.memories.go_on(remembering)
        self._changed = True

    @staticmethod
    def _going_on(
        tables: list[SeriesTable],
        families: MetricSet,
        kept: frozenset[str],
    ) -> list[SeriesTable]:
        """A table of each family, with what was in it where it goes on."""
        before = {table.family.name: table.rows for table in tables if table.family.name in kept}
        made = [SeriesTable(*held) for held in families.values()]
        for table in made:
            table.rows = before.get(table.family.name, table.rows)
        return made

    def tables(self) -> list[SeriesTable]:
        """The exact totals that are durable."""
        return self._tables

    def hidden_overflowed(self) -> dict[str, int]:
        """How many label sets of each family of facts were beyond a limit."""
        facts = {table.family.name for table in self._tables if not table.family.exposed}
        return {name: n for name, n in self._ledger.overflowed.items() if name in facts}


def _only(counted: list[InternedDelta], families: Collection[str]) -> list[InternedDelta]:
    return [delta for delta in counted if delta.family.name in families]


def _newest(table: SeriesTable) -> float:
    seen = [table.rows.totals[LAST_COUNTED].max(), table.rows.overflow[LAST_COUNTED].max()]
    return max((float(time) for time in seen if isinstance(time, float)), default=-math.inf)


def _frozen(tables: list[SeriesTable], before: Iterable[SeriesTable]) -> list[SeriesTable]:
    """Tables that do not change any more; frames are shared, and what has not changed `before`."""
    held = {id(table.rows): table for table in before}
    copies = []
    for table in tables:
        same = held.get(id(table.rows))
        if same is None or (same.family, same.policy) != (table.family, table.policy):
            same = SeriesTable(table.family, table.policy, table.rows.sets, table.rows)
        copies.append(same)
    return copies
