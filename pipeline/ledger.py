"""What has been counted: series, values, first and last seen.

Deltas go in per batch and are folded into the totals now and then (a fold costs as much as the
series it holds, so it waits for about as many pending rows). Reading folds first.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Container, Iterable, Mapping, Sequence

import polars as pl

from pipeline.stage import COUNT, SUM, VALUE, Delta, Family, Kind, Policy, bucket

FIRST_SEEN, LAST_SEEN = ":first_seen", ":last_seen"
"""Columns of a series (Float64, epoch seconds of the batches it was counted in)."""

OVERFLOW = "__overflow__"
"""The value of every label of the series that holds what is beyond a limit."""

RESTARTED = "metric %s has changed: it starts again from zero"
"""What is logged of a metric that cannot go on."""

_FOLD_ROWS = 50_000
_log = logging.getLogger(__name__)


def value_columns(family: Family) -> list[str]:
    """The value columns of a family's deltas and totals."""
    if family.kind is not Kind.HISTOGRAM:
        return [VALUE]
    return [COUNT, SUM, *(bucket(i) for i in range(len(family.buckets) + 1))]


def _dtype(column: str) -> pl.DataType:
    return pl.Float64() if column in (VALUE, SUM, FIRST_SEEN, LAST_SEEN) else pl.Int64()


class Table:
    """The series of one family: label columns, value columns, FIRST_SEEN and LAST_SEEN."""

    def __init__(self, family: Family, policy: Policy) -> None:
        self.family = family
        self.policy = policy
        self.labels = list(family.labels)
        columns = [*value_columns(family), FIRST_SEEN, LAST_SEEN]
        schema = {label: pl.String() for label in self.labels} | {c: _dtype(c) for c in columns}
        self.totals = pl.DataFrame(schema=schema)
        self.overflow = self.totals
        self._pending: list[pl.DataFrame] = []
        self._pending_rows = 0
        keep = {VALUE: pl.col(VALUE).last()} if family.kind is Kind.GAUGE else {}
        self._merge = [
            *(keep.get(c, pl.col(c).sum()) for c in value_columns(family)),
            pl.col(FIRST_SEEN).min(),
            pl.col(LAST_SEEN).max(),
        ]

    def add(self, series: pl.DataFrame, now: float) -> None:
        """Take a delta; it is in the totals after the next fold."""
        if not series.height:
            return
        seen = [pl.lit(now, dtype=pl.Float64).alias(c) for c in (FIRST_SEEN, LAST_SEEN)]
        self._pending.append(series.with_columns(seen).select(self.totals.columns))
        self._pending_rows += series.height

    @property
    def due(self) -> bool:
        """Whether a fold is worth its cost, or memory."""
        return self._pending_rows > max(_FOLD_ROWS, self.totals.height)

    def fold(self, room: int | None) -> int:
        """Merge what is pending; admit at most `room` new series (None: any number).

        New label sets are admitted in the order they first came; what is beyond goes to the
        overflow series. Returns how many rows went there.
        """
        if not self._pending:
            return 0
        merged = self._grouped(pl.concat([self.totals, *self._pending]))
        self._pending, self._pending_rows = [], 0
        allowed = self._allowed(room)
        if allowed is None or merged.height <= allowed or not self.labels:
            self.totals = merged
            return 0
        beyond = merged.slice(allowed)
        self.totals = merged.head(allowed)
        marked = beyond.with_columns(pl.lit(OVERFLOW).alias(label) for label in self.labels)
        self.overflow = self._grouped(pl.concat([self.overflow, marked]))
        return beyond.height

    def series(self) -> pl.DataFrame:
        """The totals with the overflow series last, where there is one."""
        return pl.concat([self.totals, self.overflow]) if self.overflow.height else self.totals

    def merged(self, parts: Sequence[pl.DataFrame]) -> pl.DataFrame:
        """Series that were counted apart as one; of a gauge, the value seen last."""
        return self._grouped(pl.concat([self.totals.clear(), *parts]).sort(LAST_SEEN))

    def exposed(self, now: float | None) -> pl.DataFrame:
        """The series not idle at `now` (epoch seconds) for longer than their expiry; None: all."""
        series = self.series()
        if now is None:
            return series
        return series.filter(pl.col(LAST_SEEN) >= now - self.policy.expiry)

    def _allowed(self, room: int | None) -> int | None:
        limits = [self.policy.max_series_per_metric] if self.policy.max_series_per_metric else []
        if room is not None:
            limits.append(self.totals.height + max(0, room))
        return max(min(limits), self.totals.height) if limits else None

    def _grouped(self, rows: pl.DataFrame) -> pl.DataFrame:
        if self.labels:
            return rows.group_by(self.labels, maintain_order=True).agg(self._merge)
        return rows.select(self._merge)


class Ledger:
    """All series of a plan. Safe to read from another thread while deltas come in."""

    def __init__(self, families: Mapping[str, tuple[Family, Policy]], max_series: int = 0) -> None:
        self._tables = {name: Table(*kept) for name, kept in families.items()}
        self._max_series = max_series
        self._lock = threading.Lock()
        self.overflowed: dict[str, int] = dict.fromkeys(families, 0)

    def merge(self, deltas: Iterable[Delta], now: float) -> None:
        """Add the deltas of a batch, counted at `now` (epoch seconds).

        Those of families that are not held any more are left out.
        """
        with self._lock:
            for delta in deltas:
                table = self._tables.get(delta.family.name)
                if table is None or table.family.shape != delta.family.shape:
                    continue
                table.add(delta.series, now)
                if table.due:
                    self._fold(table)

    def adopt(
        self,
        families: Mapping[str, tuple[Family, Policy]],
        unchanged: Container[str],
        max_series: int,
    ) -> None:
        """Hold these families from now on: the `unchanged` go on, others start, the rest is gone.

        What cannot go on (see `Family.continues`) starts as well.
        """
        with self._lock:
            fresh: dict[str, Table] = {}
            for name, (family, policy) in families.items():
                table = self._tables.get(name) if name in unchanged else None
                if table and family.continues(table.family):
                    table.family, table.policy = family, policy
                    fresh[name] = table
                else:
                    fresh[name] = Table(family, policy)
            self.overflowed = {
                name: self.overflowed[name] if table is self._tables.get(name) else 0
                for name, table in fresh.items()
            }
            self._tables, self._max_series = fresh, max_series

    def tables(self) -> list[Table]:
        """Every family's table with all deltas in it. The frames in it are never changed."""
        with self._lock:
            for table in self._tables.values():
                self._fold(table)
            return list(self._tables.values())

    def restore(self, family: Family, totals: pl.DataFrame, overflow: pl.DataFrame) -> bool:
        """Take a family's saved series, unless it is not configured any more.

        False when it has changed since, and starts again.
        """
        table = self._tables.get(family.name)
        if table is None:
            return True
        if not table.family.continues(family):
            return False
        with self._lock:
            table.totals, table.overflow = totals, overflow
        return True

    def _fold(self, table: Table) -> None:
        overflowed = table.fold(self._room(table))
        if overflowed:
            name = table.family.name
            if not self.overflowed[name]:
                _log.warning(
                    "metric %s is at its series limit: new label sets go to %s", name, OVERFLOW
                )
            self.overflowed[name] += overflowed

    def _room(self, table: Table) -> int | None:
        rooms = []
        if self._max_series:
            rooms.append(self._max_series - self._held(self._tables.values()))
        if table.policy.max_series:
            group = [t for t in self._tables.values() if t.policy.group == table.policy.group]
            rooms.append(table.policy.max_series - self._held(group))
        return min(rooms) if rooms else None

    @staticmethod
    def _held(tables: Iterable[Table]) -> int:
        return sum(table.totals.height for table in tables)


def counters(ledger: Ledger) -> dict[str, pl.DataFrame]:
    """The series of every counter by metric name: labels, VALUE, FIRST_SEEN, LAST_SEEN."""
    tables = ledger.tables()
    return {t.family.name: t.series() for t in tables if t.family.kind is Kind.COUNTER}
