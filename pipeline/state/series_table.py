"""The series of one metric family: their values, and when their flows were seen and counted.

Deltas go in per batch and are merged into the totals now and then (a merge copies the totals, so it
waits for a share of so many pending rows). Reading merges first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import polars as pl

from pipeline.stage import FIRST_SEEN, LAST_SEEN, Family, Policy, Rule, days
from pipeline.state.address_limiter import AddressLimiter
from pipeline.state.label_sets import ID, LabelInterner
from pipeline.state.narrow import below, narrow, wide
from pipeline.state.reduction import reduced

LAST_COUNTED = ":last_counted"
"""When a series was last counted (Float64, epoch seconds): what expiry and checkpoints go by.

FIRST_SEEN and LAST_SEEN are the times of its flows; of flows without one, when they were counted.
"""

OVERFLOW = "__overflow__"
"""The value of every label of the series that holds what is beyond a limit."""

_COMPACT_ROWS = 100_000
_SHARE = 8
_MANY_ROWS = 50_000
_PLACE = ":place"
_PART = 25_000
_WASTE = 50_000
"""The number of unused label sets at which a table starts a new interner."""

_SEEN = (FIRST_SEEN, LAST_SEEN)
TIMES = (*_SEEN, LAST_COUNTED)
"""The columns of a series that stand behind its values."""

_TIME_RULES = dict(zip(TIMES, (Rule.MIN, Rule.MAX, Rule.MAX), strict=True))

_MERGED = {
    Rule.SUM: pl.Expr.sum,
    Rule.MIN: pl.Expr.min,
    Rule.MAX: pl.Expr.max,
    Rule.LAST: pl.Expr.last,
    Rule.DAYS: pl.Expr.bitwise_or,
}


def columns(family: Family) -> dict[str, pl.DataType]:
    """The types of the values of a series by name, and of TIMES."""
    values = {name: column.dtype for name, column in family.columns.items()}
    return values | dict.fromkeys(TIMES, pl.Float64())


def merged(family: Family, rows: pl.DataFrame, key: Sequence[str]) -> pl.DataFrame:
    """Rows of one `key`, in the order they were counted, as one: the key, the values, then TIMES.

    Without a key all rows are one.
    """
    values = family.columns
    rows = days.current(rows, [n for n, one in values.items() if one.rule is Rule.DAYS], key)
    merge = [
        *(_MERGED[column.rule](pl.col(name)) for name, column in values.items()),
        pl.col(FIRST_SEEN).min(),
        pl.col(LAST_SEEN).max(),
        pl.col(LAST_COUNTED).max(),
    ]
    if not key:
        return rows.select(merge)
    if family.exposed or rows.height < _MANY_ROWS:
        return rows.group_by(key, maintain_order=True).agg(merge)
    # Half the time and memory; facts are integers, of which no order of adding changes the sum.
    groups = rows.lazy().with_row_index(_PLACE).group_by(key).agg(pl.col(_PLACE).min(), *merge)
    return groups.sort(_PLACE).drop(_PLACE).collect(engine="streaming")


class InternedDelta(NamedTuple):
    """A delta whose labels are ids of `sets`.

    Columns: ID (UInt32), the value columns, FIRST_SEEN and LAST_SEEN (null: not known).
    """

    family: Family
    sets: LabelInterner
    values: pl.DataFrame


class Rows(NamedTuple):
    """Series at a moment, by the ids of `sets`, in the order they were admitted.

    Columns: ID (UInt32), the value columns, FIRST_SEEN, LAST_SEEN, LAST_COUNTED; facts in `totals`
    are `narrow`. While `edition` is the same, a series stays where it is in `totals`.
    """

    sets: LabelInterner
    totals: pl.DataFrame
    overflow: pl.DataFrame
    edition: int = 0

    def all(self) -> pl.DataFrame:
        """The totals (wide), and the overflow series last where there is one."""
        return pl.concat([wide(self.totals), self.overflow])

    @property
    def size(self) -> int:
        """How many series there are."""
        return self.totals.height + self.overflow.height

    def parts(self, rows: pl.DataFrame) -> Iterator[pl.DataFrame]:
        """`labelled` in parts, at least one: a million series at once need much memory."""
        yield self.labelled(rows.head(_PART))
        for part in rows.slice(_PART).iter_slices(_PART):
            yield self.labelled(part)

    def labelled(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Some of these rows, wide, with the label columns (String) in the place of the ids."""
        values = wide(rows.drop(ID))
        return self.sets.frame(rows[ID]).hstack(values) if self.sets.labels else values


class SeriesTable:
    """The series of one family; `rows` are replaced as a whole, and never changed."""

    def __init__(self, family: Family, policy: Policy, sets: LabelInterner | None = None) -> None:
        self.family = family
        self.policy = policy
        self.labels = list(family.labels)
        self._values = list(family.columns)
        empty = pl.DataFrame(schema={ID: pl.UInt32(), **columns(family)})
        own = LabelInterner(family.labels) if sets is None else sets  # an empty one is false
        self.rows = Rows(own, narrow(empty), empty)
        self._pending: list[pl.DataFrame] = []
        self._pending_rows = 0
        self._addresses: AddressLimiter | None = None

    @property
    def columns(self) -> list[str]:
        """The columns of `series()`: labels (String), values, then TIMES."""
        return [*self.labels, *self._values, *TIMES]

    @property
    def size(self) -> int:
        """How many series there are."""
        return self.rows.size

    def adopt(self, family: Family, policy: Policy) -> None:
        """Go on as this family, which continues the one before."""
        self.family, self.policy = family, policy
        self._addresses = None

    def admit(self, series: pl.DataFrame) -> tuple[pl.DataFrame, int]:
        """A delta with networks in the place of addresses beyond the limit; in how many rows."""
        limit = self.policy.addresses
        if limit is None:
            return series, 0
        if self._addresses is None:
            self._addresses = AddressLimiter(limit, self.labels, OVERFLOW)
            known = pl.concat([self.rows.totals[ID], *(rows[ID] for rows in self._pending)])
            for part in known.unique().to_frame().iter_slices(_PART):
                self._addresses.know(self.rows.sets.frame(part[ID]))
        return self._addresses.admit(series)

    def intern(self, series: pl.DataFrame) -> InternedDelta:
        """The series of a delta by the ids of this table's label sets."""
        seen = [c if c in series.columns else pl.lit(None, pl.Float64).alias(c) for c in _SEEN]
        values = series.select(self.rows.sets.ids(series), *self._values, *seen)
        return InternedDelta(self.family, self.rows.sets, values)

    def add(self, delta: InternedDelta, now: float) -> None:
        """Take a delta; it is in the totals after the next fold."""
        values, sets = delta.values, self.rows.sets
        if not values.height:
            return
        if self.labels and delta.sets is not sets:
            values = values.with_columns(sets.ids(delta.sets.frame(values[ID])))
        counted = pl.lit(now, dtype=pl.Float64)
        seen = [pl.col(column).fill_null(counted) for column in _SEEN]
        self._pending.append(values.with_columns(*seen, counted.alias(LAST_COUNTED)))
        self._pending_rows += values.height

    @property
    def due(self) -> bool:
        """Whether a fold is worth its cost, or memory."""
        return self._pending_rows > max(_COMPACT_ROWS, self.rows.totals.height // _SHARE)

    def compact(self, room: int | None) -> int:
        """Merge what is pending; admit at most `room` new series (None: any number).

        New label sets are admitted in the order they first came; what is beyond goes to the
        overflow series. Returns how many rows went there.
        """
        if not self._pending:
            return 0
        sets, totals, overflow, edition = self.rows
        places = self._places(pl.concat([rows[ID] for rows in self._pending]))
        merged = self._grouped(pl.concat([wide(totals[places]), *self._pending]))
        known, new = merged.head(len(places)), merged.slice(len(places))
        self._pending, self._pending_rows = [], 0
        allowed = self._allowed(room)
        beyond = new.clear()
        if allowed is not None and self.labels:
            more = allowed - totals.height
            new, beyond = new.head(more), new.slice(more)
        if beyond.height:
            marks = pl.DataFrame(dict.fromkeys(self.labels, OVERFLOW))
            marked = beyond.with_columns(pl.lit(sets.ids(marks).item()).cast(pl.UInt32).alias(ID))
            overflow = self._grouped(pl.concat([overflow, marked]))
        totals = _updated(totals, places, known, new)
        kept = self._retained(totals)
        dropped = totals.height - kept.height
        self.rows = Rows(sets, kept, overflow, edition + bool(dropped))
        if dropped:
            self._addresses = None
        if (beyond.height or dropped) and len(sets) > 2 * self.size + _WASTE:
            # Label sets that are not admitted, or dropped, must not pile up.
            self.rows = self._numbered(self.rows, LabelInterner(self.labels))
        return beyond.height

    def series(self) -> pl.DataFrame:
        """All series, with the overflow series last where there is one; columns: `columns`."""
        rows = self.rows
        return rows.labelled(rows.all())

    def take(self, totals: Iterable[pl.DataFrame], overflow: pl.DataFrame) -> None:
        """Go on from saved series, which have the columns `columns`; the totals in parts."""
        sets = self.rows.sets
        parts: dict[str, list[pl.Series]] = {c.name: [c] for c in narrow(self.rows.totals.clear())}
        for part in totals:
            for column in narrow(_by_id(part, sets)):
                # Written anew: it must not keep the memory of the part.
                parts[column.name].append(below([column.head(1), column.slice(1)]))
        columns = [below(parts.pop(name)) for name in list(parts)]  # the memory of each in turn
        self.rows = Rows(sets, pl.DataFrame(columns), _by_id(overflow, sets))
        self._addresses = None

    def merge(self, parts: Sequence[Rows]) -> None:
        """Take series that were counted apart, as one; of a gauge, the value counted last."""
        sets = self.rows.sets
        frames = [self._numbered(part, sets).all() for part in parts]
        merged = self._grouped(
            pl.concat([wide(self.rows.totals.clear()), *frames]).sort(LAST_COUNTED)
        )
        self.rows = Rows(sets, narrow(merged), merged.clear())

    def exposed(self, now: float | None) -> pl.DataFrame:
        """The series not idle at `now` (epoch seconds) for longer than their expiry; None: all.

        None of facts.
        """
        rows = self.rows
        return rows.labelled(self._active(rows.all(), now))

    def shown(self, now: float | None) -> int:
        """How many series `exposed` gives."""
        rows = self.rows
        return sum(self._active(frame, now).height for frame in (rows.totals, rows.overflow))

    def _active(self, series: pl.DataFrame, now: float | None) -> pl.DataFrame:
        if not self.family.exposed:
            return series.clear()
        if now is None:
            return series
        return series.filter(pl.col(LAST_COUNTED) >= now - self.policy.expiry)

    def _numbered(self, rows: Rows, sets: LabelInterner) -> Rows:
        """The same rows by the ids of other sets."""
        if rows.sets is sets:
            return rows
        totals, overflow = (
            _by_id(rows.labelled(frame), sets) for frame in (rows.totals, rows.overflow)
        )
        return Rows(sets, narrow(totals), overflow, rows.edition)

    def _retained(self, totals: pl.DataFrame) -> pl.DataFrame:
        """The series to keep; some are dropped when it is worth to write all others anew."""
        kept = self.policy.retention
        newest = totals.select(pl.min_horizontal(pl.col(LAST_SEEN, LAST_COUNTED).max())).item()
        if newest is None or not (totals[LAST_SEEN] < newest - kept * 1.125).any():
            return totals
        return totals.filter(pl.col(LAST_SEEN) >= newest - kept)

    def _allowed(self, room: int | None) -> int | None:
        limits = [self.policy.max_series_per_metric] if self.policy.max_series_per_metric else []
        if room is not None:
            limits.append(self.rows.totals.height + max(0, room))
        return max(min(limits), self.rows.totals.height) if limits else None

    def _places(self, ids: pl.Series) -> pl.Series:
        """Where the series of these ids are in the totals, those that are there; ascending."""
        held = self.rows.totals[ID]
        numbers = pl.int_range(len(held), dtype=pl.UInt32, eager=True)
        places = pl.repeat(None, len(self.rows.sets), dtype=pl.UInt32, eager=True)
        return places.scatter(held, numbers).gather(ids.unique()).drop_nulls().sort()

    def _grouped(self, rows: pl.DataFrame) -> pl.DataFrame:
        if self.family.exposed or not rows.height:
            return merged(self.family, rows, [ID])
        return reduced(self.family, rows, ID, _TIME_RULES)


def _updated(
    totals: pl.DataFrame, places: pl.Series, known: pl.DataFrame, new: pl.DataFrame
) -> pl.DataFrame:
    """Totals with the rows at some places in a new form, and more rows behind.

    It costs little beside merging all of them; a column at a time, for the memory's sake.
    """
    more = narrow(pl.concat([known, new]))
    columns = []
    for column in totals:
        changed = more[column.name]
        fresh = below([column, changed.slice(known.height), changed.clear()])
        columns.append(fresh.scatter(places, changed.head(known.height).cast(fresh.dtype)))
    return pl.DataFrame(columns)


def _by_id(series: pl.DataFrame, sets: LabelInterner) -> pl.DataFrame:
    if series.height > _PART:
        return pl.concat([_by_id(part, sets) for part in series.iter_slices(_PART)], rechunk=True)
    return series.select(sets.ids(series), pl.exclude(sets.labels))
