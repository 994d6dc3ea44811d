"""The series of one metric family: their values, and when their flows were seen and counted.

Deltas go in per batch and are merged into the totals now and then (a merge copies the totals, so it
waits for a share of so many pending rows). Reading merges first.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from functools import cached_property

import numpy as np
import polars as pl

from pipeline.stage import LAST_SEEN, Delta, Family, Policy, Rule
from pipeline.stage.keys import Keyed, together
from pipeline.state import label_sets
from pipeline.state.address_limiter import AddressLimiter, Admitted
from pipeline.state.known_keys import Answers, KnownKeys
from pipeline.state.label_sets import ID, LabelInterner
from pipeline.state.narrow import below, narrow, wide
from pipeline.state.reduction import reduced
from pipeline.state.series_rows import (
    LAST_COUNTED,
    OVERFLOW,
    PART_ROWS,
    TIMES,
    Ids,
    InternedDelta,
    Merged,
    Order,
    Rows,
    by_ids,
    merged,
    no_rows,
    numbered,
    updated,
)

_COMPACT_ROWS = 100_000
_SHARE = 8
_WASTE = 50_000
"""The number of unused label sets at which a table starts a new interner."""

_TIME_RULES = dict(zip(TIMES, (Rule.MIN, Rule.MAX, Rule.MAX), strict=True))


class SeriesTable:
    """The series of one family; `rows` are replaced as a whole, and never changed."""

    def __init__(
        self,
        family: Family,
        policy: Policy,
        sets: LabelInterner | None = None,
        rows: Rows | None = None,
    ) -> None:
        self.family = family
        self.policy = policy
        self.labels = list(family.labels)
        self._values = list(family.columns)
        own = label_sets.new(family) if sets is None else sets  # an empty one is false
        self.rows = rows or no_rows(family, own)
        self.pending: list[pl.DataFrame] = []
        """Deltas that are not in `rows`."""
        self.pending_rows = 0
        self.merged: Merged | None = None
        """What is pending, where it was merged together with that of other tables."""
        self._new: list[Keyed] = []
        self._addresses: AddressLimiter | None = None
        self._order: Order | None = None

    @cached_property
    def _keys(self) -> KnownKeys:
        return KnownKeys(self._look_up, self._strange)

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
        self._look_up_again()

    def intern(self, delta: Delta, now: float) -> tuple[InternedDelta, int]:
        """A delta by the ids of this table's label sets; how many rows are beyond a limit.

        It was counted at `now` (epoch seconds). Beyond the limit of addresses, networks are in
        their place. What is `keyed` may have null in the place of an id, until `resolve`: it is
        for this table alone.
        """
        if delta.keyed:
            ids, beyond = self._keys.find(delta.keyed.keys)
            if ids.has_nulls():
                self._new.append(delta.keyed.kept(ids.is_null().arg_true()))
        else:
            admitted = self._admitted(delta.series)
            ids, beyond = self.rows.sets.ids(admitted.labels), len(admitted.beyond)
        values = by_ids(delta, ids, pl.lit(now, pl.Float64))
        return InternedDelta(self.family, self.rows.sets, values), beyond

    def resolve(self) -> int:
        """Look up the labels of pending rows with new keys; how many are beyond a limit.

        Those of several batches at once: it takes a third of the time.
        """
        if not self._new:
            return 0
        found, beyond = zip(*map(self._keys.learn, together(self._new)), strict=True)
        whole = pl.concat(self.pending)
        new = whole[ID].is_null().arg_true()
        self.pending = [whole.with_columns(whole[ID].scatter(new, pl.concat(found)))]
        self._new = []
        return sum(beyond)

    def _look_up(self, labels: pl.DataFrame) -> Answers:
        admitted = self._admitted(labels)
        beyond, nowhere = (np.zeros(labels.height, np.bool_) for _ in range(2))
        beyond[admitted.beyond.to_numpy()] = nowhere[admitted.nowhere.to_numpy()] = True
        return Answers(self.rows.sets.ids(admitted.labels).to_numpy(), beyond, nowhere)

    def _strange(self, addresses: pl.DataFrame) -> pl.Series:
        if self._addresses is None:
            return pl.repeat(value=False, n=addresses.height, dtype=pl.Boolean, eager=True)
        return self._addresses.strange(addresses)

    def _admitted(self, labels: pl.DataFrame) -> Admitted:
        limit = self.policy.addresses
        if limit is None:
            nothing = pl.Series(dtype=pl.UInt32)
            return Admitted(labels, nothing, nothing)
        if self._addresses is None:
            self._addresses = AddressLimiter(limit, self.labels, OVERFLOW)
            known = pl.concat([self.rows.totals[ID], *(rows[ID] for rows in self.pending)])
            for part in known.drop_nulls().unique().to_frame().iter_slices(PART_ROWS):
                self._addresses.know(self.rows.sets.frame(part[ID]))
        return self._addresses.admit(labels)

    def add(self, delta: InternedDelta) -> None:
        """Take a delta; it is in the totals after the next fold."""
        values, sets = delta.values, self.rows.sets
        if not values.height:
            return
        if self.labels and delta.sets is not sets:
            values = values.with_columns(sets.ids(delta.sets.frame(values[ID])))
        self.pending.append(values)
        self.pending_rows += values.height
        self.merged = None

    @property
    def unresolved(self) -> int:
        """Rows with new keys, which are kept with what their labels are made of."""
        return sum(rows.keys.height for rows in self._new)

    @property
    def due(self) -> bool:
        """Whether a fold is worth its cost, or memory."""
        return self.pending_rows > max(_COMPACT_ROWS, self.rows.totals.height // _SHARE)

    def compact(self, room: int | None) -> int:
        """Merge what is pending, and resolved; admit at most `room` new series (None: any number).

        New label sets are admitted in the order they first came; what is beyond goes to the
        overflow series. Returns how many rows went there.
        """
        if not self.pending:
            return 0
        sets, totals, overflow, edition = self.rows
        places, known, new = self.merged or self._merged()
        self.pending, self.pending_rows, self.merged = [], 0, None
        allowed = self._allowed(room)
        beyond = new.clear()
        if allowed is not None and self.labels:
            more = allowed - totals.height
            new, beyond = new.head(more), new.slice(more)
        if beyond.height:
            marks = pl.DataFrame(dict.fromkeys(self.labels, OVERFLOW))
            marked = beyond.with_columns(pl.lit(sets.ids(marks).item()).cast(pl.UInt32).alias(ID))
            overflow = self._grouped(pl.concat([overflow, marked]))
        totals = updated(totals, places, known, new)
        kept = self._retained(totals)
        dropped = totals.height - kept.height
        self.rows = Rows(sets, kept, overflow, edition + bool(dropped))
        if dropped:
            self._look_up_again()
        if (beyond.height or dropped) and len(sets) > 2 * self.size + _WASTE:
            # Label sets that are not admitted, or dropped, must not pile up.
            self.rows = self._numbered(self.rows, label_sets.new(self.family))
            self._keys.forget()
        return beyond.height

    def _merged(self) -> Merged:
        ids = pl.concat([rows[ID] for rows in self.pending])
        places = self.places(ids.unique().to_numpy())
        rows = self._grouped(pl.concat([wide(self.rows.totals[places]), *self.pending]))
        return Merged(places, rows.head(len(places)), rows.slice(len(places)))

    def places(self, ids: Ids) -> pl.Series:
        """UInt32: where the series of distinct ids are in the totals, those that are; ascending."""
        self._order = Order.of(self.rows, self._order)
        found = self._order.find(ids)
        return pl.Series(np.sort(found[found >= 0]), dtype=pl.UInt32)

    def series(self) -> pl.DataFrame:
        """All series, with the overflow series last where there is one; columns: `columns`."""
        rows = self.rows
        return rows.labelled(rows.all())

    def take(self, totals: Iterable[pl.DataFrame], overflow: pl.DataFrame) -> None:
        """Go on from saved series, which have the columns `columns`; the totals in parts."""
        sets = self.rows.sets
        parts: dict[str, list[pl.Series]] = {c.name: [c] for c in narrow(self.rows.totals.clear())}
        for part in totals:
            for column in narrow(numbered(part, sets)):
                # Written anew: it must not keep the memory of the part.
                parts[column.name].append(below([column.head(1), column.slice(1)]))
        columns = [below(parts.pop(name)) for name in list(parts)]  # the memory of each in turn
        self.rows = Rows(sets, pl.DataFrame(columns), numbered(overflow, sets))
        self._order = None
        self._look_up_again()

    def merge(self, parts: Sequence[Rows]) -> None:
        """Take series that were counted apart, as one; of a gauge, the value counted last."""
        sets = self.rows.sets
        frames = [self._numbered(part, sets).all() for part in parts]
        merged = self._grouped(
            pl.concat([wide(self.rows.totals.clear()), *frames]).sort(LAST_COUNTED)
        )
        self.rows = Rows(sets, narrow(merged), merged.clear())
        self._order = None

    def exposed(self, now: float | None) -> pl.DataFrame:
        """The series not idle at `now` (epoch seconds) for longer than their expiry; None: all.

        None of facts.
        """
        rows = self.rows
        return rows.labelled(self.active(rows.all(), now))

    def active(self, series: pl.DataFrame, now: float | None) -> pl.DataFrame:
        """Those of its `rows` that `exposed` gives, by their ids."""
        if not self.family.exposed:
            return series.clear()
        if now is None:
            return series
        return series.filter(pl.col(LAST_COUNTED) >= now - self.policy.expiry)

    def shown(self, now: float | None) -> int:
        """How many series `exposed` gives."""
        rows = self.rows
        return sum(self.active(frame, now).height for frame in (rows.totals, rows.overflow))

    def _look_up_again(self) -> None:
        """What label sets become is not what it was: limits begin again, or ids are others."""
        self._addresses = None
        self._keys.forget()

    def _numbered(self, rows: Rows, sets: LabelInterner) -> Rows:
        """The same rows by the ids of other sets."""
        if rows.sets is sets:
            return rows
        totals, overflow = (
            numbered(rows.labelled(frame), sets) for frame in (rows.totals, rows.overflow)
        )
        return Rows(sets, narrow(totals), overflow, rows.edition)

    def _retained(self, totals: pl.DataFrame) -> pl.DataFrame:
        """The series to keep; some are dropped when it is worth to write all others anew."""
        kept = self.policy.retention
        if math.isinf(kept):
            return totals
        newest = totals.select(pl.min_horizontal(pl.col(LAST_SEEN, LAST_COUNTED).max())).item()
        if newest is None or not (totals[LAST_SEEN] < newest - kept * 1.125).any():
            return totals
        return totals.filter(pl.col(LAST_SEEN) >= newest - kept)

    def _allowed(self, room: int | None) -> int | None:
        limits = [self.policy.max_series_per_metric] if self.policy.max_series_per_metric else []
        if room is not None:
            limits.append(self.rows.totals.height + max(0, room))
        return max(min(limits), self.rows.totals.height) if limits else None

    def _grouped(self, rows: pl.DataFrame) -> pl.DataFrame:
        if self.family.exposed or not rows.height:
            return merged(self.family, rows, [ID])
        return reduced(self.family, rows, ID, _TIME_RULES)
