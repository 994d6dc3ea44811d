"""Rows of series: their columns, how they are merged, and where those of an id stand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from pipeline.stage import FIRST_SEEN, LAST_SEEN, Delta, Family, Rule, days
from pipeline.state.label_sets import ID, LabelInterner
from pipeline.state.narrow import below, narrow, wide

LAST_COUNTED = ":last_counted"
"""When a series was last counted (Float64, epoch seconds): what expiry and checkpoints go by.

FIRST_SEEN and LAST_SEEN are the times of its flows; of flows without one, when they were counted.
"""

OVERFLOW = "__overflow__"
"""The value of every label of the series that holds what is beyond a limit."""

PART_ROWS = 25_000
"""Rows that get their labels at once: those of a million would need much memory."""

Ids = npt.NDArray[np.uint32]

_MANY_ROWS = 50_000
_PLACE = ":place"

_SEEN = (FIRST_SEEN, LAST_SEEN)
TIMES = (*_SEEN, LAST_COUNTED)
"""The columns of a series that stand behind its values."""

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

    Columns: ID (UInt32), the value columns, then TIMES; of flows without a time these are all when
    they were counted.
    """

    family: Family
    sets: LabelInterner
    values: pl.DataFrame


class Merged(NamedTuple):
    """What is pending, merged with the totals: at `places` (UInt32) `known`, behind them `new`."""

    places: pl.Series
    known: pl.DataFrame
    new: pl.DataFrame


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
        yield self.labelled(rows.head(PART_ROWS))
        for part in rows.slice(PART_ROWS).iter_slices(PART_ROWS):
            yield self.labelled(part)

    def labelled(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Some of these rows, wide, with the label columns (String) in the place of the ids."""
        values = wide(rows.drop(ID))
        return self.sets.frame(rows[ID]).hstack(values) if self.sets.labels else values


class Order(NamedTuple):
    """Where the series of an id are: ids in ascending order, and the place of each.

    `version`: the sets, the edition and the number of series that it holds for.
    """

    version: tuple[LabelInterner, int, int]
    ids: Ids
    places: npt.NDArray[np.uint32]

    @classmethod
    def of(cls, rows: Rows, before: Order | None) -> Order:
        """The order of these rows: it costs a look at all of them, so the one before may hold."""
        version = rows.sets, rows.edition, rows.totals.height
        if before and before.version == version:
            return before
        ids = rows.totals[ID].to_numpy()
        places = np.argsort(ids, kind="stable").astype(np.uint32)  # they are nearly sorted
        return cls(version, ids[places], places)

    def find(self, ids: Ids) -> npt.NDArray[np.int64]:
        """The places of ids, -1 for one that is not there."""
        if not len(self.ids):
            return np.full(len(ids), -1)
        at = np.minimum(np.searchsorted(self.ids, ids), len(self.ids) - 1)
        return np.where(self.ids[at] == ids, self.places[at].astype(np.int64), -1)


def no_rows(family: Family, sets: LabelInterner) -> Rows:
    """A family without series."""
    empty = pl.DataFrame(schema={ID: pl.UInt32(), **columns(family)})
    return Rows(sets, narrow(empty), empty)


def by_ids(delta: Delta, ids: pl.Series, counted: pl.Expr) -> pl.DataFrame:
    """The rows of a delta as an InternedDelta has them, counted at those times (epoch seconds)."""
    series = delta.series
    seen = [pl.col(c).fill_null(counted) if c in series.columns else counted for c in _SEEN]
    named = [time.alias(name) for name, time in zip(TIMES, [*seen, counted], strict=True)]
    return series.select(ids.alias(ID), *delta.family.columns, *named)


def updated(
    totals: pl.DataFrame, places: pl.Series, known: pl.DataFrame, new: pl.DataFrame
) -> pl.DataFrame:
    """Totals with the rows at some places in a new form, and more rows behind.

    It costs little beside merging all of them, least where only rows behind are new; of many a
    column at a time, for the memory's sake.
    """
    if totals.height < _MANY_ROWS and totals.dtypes == known.dtypes:
        if not known.height:
            return pl.concat([totals, new], rechunk=True)
        rows = np.arange(totals.height + new.height, dtype=np.uint32)
        rows[totals.height :] += known.height
        rows[places.to_numpy()] = np.arange(known.height, dtype=np.uint32) + totals.height
        return pl.concat([totals, known, new])[pl.Series(rows)]
    more = narrow(pl.concat([known, new]))
    columns = []
    for column in totals:
        changed = more[column.name]
        fresh = below([column, changed.slice(known.height), changed.clear()])
        columns.append(fresh.scatter(places, changed.head(known.height).cast(fresh.dtype)))
    return pl.DataFrame(columns)


def numbered(series: pl.DataFrame, sets: LabelInterner) -> pl.DataFrame:
    """Series with the ids of `sets`, first, in the place of their label columns."""
    if series.height > PART_ROWS:
        return pl.concat(
            [numbered(part, sets) for part in series.iter_slices(PART_ROWS)], rechunk=True
        )
    return series.select(sets.ids(series), pl.exclude(sets.labels))
