"""What has been counted: the series of every metric, and the limits that hold for all of them."""

from __future__ import annotations

import logging
import threading
from collections.abc import Container, Iterable, Mapping
from typing import NamedTuple

import polars as pl

from pipeline.kafka.batch import TopicPartition
from pipeline.stage import Delta, Family, MetricSet, Policy
from pipeline.state.label_sets import InternerPool
from pipeline.state.series_rows import OVERFLOW, InternedDelta, Rows
from pipeline.state.series_table import SeriesTable

RESTARTED = "metric %s has changed: it starts again from zero"
"""What is logged of a metric that cannot go on."""

_UNRESOLVED = 100_000
_STEPS = (10_000, 100_000)
_NAMED = 3

_log = logging.getLogger(__name__)


class _Limit(NamedTuple):
    """A kind of limit: how it is named behind the metric's name, and what is logged of it."""

    suffix: str
    message: str


_OVERFLOWED = _Limit("", "metric %s is at its series limit: new label sets go to %s")
_WIDENED = _Limit(
    " addresses",
    "metric %s is at its limit of addresses: networks (/24, /64) stand for new ones, then %s",
)


class Growth:
    """Which metrics have many series: each is logged at 10,000 and at 100,000."""

    def __init__(self) -> None:
        self._passed: dict[str, int] = {}

    def look(self, family: Family, rows: Rows) -> None:
        """Log a metric that has grown past a step since the last look."""
        size = rows.totals.height
        step = max((step for step in _STEPS if size >= step), default=0)
        if step > self._passed.get(family.name, 0):
            labels = rows.labelled(rows.totals).select(pl.col(family.labels).n_unique())
            values = sorted(labels.row(0, named=True).items(), key=lambda one: -one[1])
            listed = ", ".join(f"{name} has {count:,} values" for name, count in values[:_NAMED])
            _log.warning("metric %s has %s series: label %s", family.name, f"{size:,}", listed)
        self._passed[family.name] = step


class Totals(NamedTuple):
    """Exact totals: up to which offset of which partitions they go, and a table for each metric.

    `topics` is how many partitions each topic of the group has. Without a consumer group there are
    neither positions nor topics.
    """

    positions: Mapping[TopicPartition, int]
    topics: Mapping[str, int]
    tables: list[SeriesTable]


class Ledger:
    """All series of a plan. Safe to read from another thread while deltas come in.

    Ledgers of one `sharing` look up a label set once for all of them. `watched`: a metric with many
    series is logged, unless it is not exposed.
    """

    def __init__(
        self,
        families: MetricSet,
        max_series: int = 0,
        sharing: InternerPool | None = None,
        limited: set[str] | None = None,
        *,
        watched: bool = True,
    ) -> None:
        self._growth = Growth() if watched else None
        self._sharing = sharing or InternerPool()
        self._tables = {name: self._table(*kept) for name, kept in families.items()}
        self._max_series = max_series
        self.limited: set[str] = set() if limited is None else limited
        """The metrics that are at a limit; ledgers of one process can share it."""
        self._lock = threading.Lock()
        self.overflowed: dict[str, int] = dict.fromkeys(families, 0)

    def merge(self, deltas: Iterable[Delta], now: float) -> list[InternedDelta]:
        """Add the deltas of a batch, counted at `now` (epoch seconds); what was added.

        Those of families that are not held any more are left out.
        """
        interned = []
        with self._lock:
            for delta in deltas:
                table = self._held(delta.family)
                if table and delta.series.height:
                    one, beyond = table.intern(delta, now)
                    self._limit(table, beyond, _WIDENED)
                    self._add(table, one)
                    interned.append(one)
        return interned

    def add(self, deltas: Iterable[InternedDelta]) -> None:
        """Add what another ledger has added, or what was interned for several of them."""
        with self._lock:
            for delta in deltas:
                table = self._held(delta.family)
                if table:
                    self._add(table, delta)

    def adopt(
        self,
        families: MetricSet,
        unchanged: Container[str],
        max_series: int,
    ) -> None:
        """Hold these families from now on: the `unchanged` go on, others start, the rest is gone.

        What cannot go on (see `Family.continues`) starts as well.
        """
        with self._lock:
            fresh: dict[str, SeriesTable] = {}
            for name, (family, policy) in families.items():
                table = self._tables.get(name) if name in unchanged else None
                if table and family.continues(table.family):
                    table.adopt(family, policy)
                    fresh[name] = table
                else:
                    fresh[name] = self._table(family, policy)
            self.overflowed = {
                name: self.overflowed[name] if table is self._tables.get(name) else 0
                for name, table in fresh.items()
            }
            self.limited -= {one for one in self.limited if one.split(" ")[0] not in unchanged}
            self._tables, self._max_series = fresh, max_series

    def tables(self) -> list[SeriesTable]:
        """Every family's table with all deltas in it. The frames in it are never changed."""
        with self._lock:
            for table in self._tables.values():
                self._fold(table)
            return list(self._tables.values())

    def unfolded(self) -> list[SeriesTable]:
        """The tables with deltas that are not in the totals; their labels are looked up."""
        with self._lock:
            found = [table for table in self._tables.values() if table.pending]
            for table in found:
                self._resolve(table)
            return found

    def hidden(self) -> list[SeriesTable]:
        """None: `tables` has those of facts, too."""
        return []

    def totals(self) -> Totals:
        """The exact totals of a run without a consumer group."""
        return Totals({}, {}, self.tables())

    def durable(self) -> dict[TopicPartition, int]:
        """Empty: there is no consumer group."""
        return {}

    def restore(
        self, family: Family, totals: Iterable[pl.DataFrame], overflow: pl.DataFrame
    ) -> bool:
        """Take a family's saved series (in parts), unless it is not configured any more.

        False when it has changed since, and starts again.
        """
        table = self._tables.get(family.name)
        if table is None:
            return True
        if not table.family.continues(family):
            return False
        with self._lock:
            table.take(totals, overflow)
        return True

    def _table(self, family: Family, policy: Policy) -> SeriesTable:
        return SeriesTable(family, policy, self._sharing.of(family))

    def _held(self, family: Family) -> SeriesTable | None:
        table = self._tables.get(family.name)
        return table if table and table.family.shape == family.shape else None

    def _add(self, table: SeriesTable, delta: InternedDelta) -> None:
        table.add(delta)
        if table.due:
            self._fold(table)
        elif table.unresolved > _UNRESOLVED:
            self._resolve(table)

    def _fold(self, table: SeriesTable) -> None:
        self._resolve(table)
        self._limit(table, table.compact(self._room(table)), _OVERFLOWED)
        if self._growth and table.family.exposed:
            self._growth.look(table.family, table.rows)

    def _resolve(self, table: SeriesTable) -> None:
        self._limit(table, table.resolve(), _WIDENED)

    def _limit(self, table: SeriesTable, beyond: int, what: _Limit) -> None:
        """Note that so many label sets of a table were beyond a limit; the first time, say so."""
        if not beyond:
            return
        name = table.family.name
        limited = name + what.suffix
        if limited not in self.limited:
            self.limited.add(limited)
            _log.warning(what.message, name, OVERFLOW)
        self.overflowed[name] += beyond

    def _room(self, table: SeriesTable) -> int | None:
        rooms = []
        if self._max_series and table.family.exposed:
            exposed = [t for t in self._tables.values() if t.family.exposed]
            rooms.append(self._max_series - _admitted(exposed))
        if table.policy.max_series:
            group = [t for t in self._tables.values() if t.policy.group == table.policy.group]
            rooms.append(table.policy.max_series - _admitted(group))
        return min(rooms) if rooms else None


def _admitted(tables: Iterable[SeriesTable]) -> int:
    return sum(table.rows.totals.height for table in tables)
