"""What a stage remembers from batch to batch, of one partition or of a run without Kafka.

A run of a plan has no effects, so a stage that remembers does not write: it reads its memory and
gives a `Change` of it, which is part of what the batch gave. Whoever merges the counts of the batch
adopts the change with them. So a batch that is run again, also in pieces, gives the same again, and
both become durable together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeAlias

import numpy as np
import polars as pl

from pipeline.flows import values as fields
from pipeline.stage.key_index import KeyIndex, Keys

if TYPE_CHECKING:
    import numpy.typing as npt

Numbers: TypeAlias = "npt.NDArray[np.int64]"
"""Numbers of rows."""

Arrays: TypeAlias = "Mapping[str, npt.NDArray[Any]]"
"""Values of rows by column."""

Measure = tuple[str, float, tuple[str, ...]]
"""What a self-metric grows by, or is: name, number, labels."""

CHUNK = 8192
"""Rows that are written together."""

_WASTE = 50_000
LIVE = ":live"
"""The column (Boolean) that says whether a row still counts."""

KEY = fields.HIDDEN + "key"
"""The fixed column (UInt64) by which rows are found; no two of a memory have the same."""


class Change(NamedTuple):
    """What a batch changes in a memory, at `now` (epoch seconds).

    `rows` get new `values`, `ended` are forgotten, and `added` rows with `added_values` come behind
    all others. No row is in two of them.
    """

    now: float
    rows: Numbers
    values: Arrays
    ended: Numbers
    added: pl.DataFrame
    added_values: Arrays


class Saved(NamedTuple):
    """A memory as frames of the same height, and its own time (s) at the end."""

    at: float
    fixed: pl.DataFrame
    values: pl.DataFrame


class Memory:
    """Rows in the order they came. A row's number is its place, while `edition` is the same.

    `fixed` columns are those of flows (see `flows.values`) or hidden ones; they are written once.
    `values` are arrays of the `kinds` given, which change in place. Its time goes on from where it
    was saved: while nothing ran, no time passes for it.
    """

    def __init__(self, kinds: Mapping[str, str]) -> None:
        self.kinds = dict(kinds)
        self.fixed = pl.DataFrame()
        self.size = 0
        self.alive = 0
        """How many rows are not forgotten."""
        self.edition = 0
        self.at = 0.0
        self._shift: float | None = 0.0
        self._arrays = {name: np.empty(0, kind) for name, kind in self.kinds.items()}
        self._live = np.empty(0, np.bool_)
        self._touched: set[int] = set()
        self._index = KeyIndex()

    def time(self, now: float) -> float:
        """Its own time (s) at `now` (epoch seconds); it never goes back."""
        return self.at if self._shift is None else max(self.at, now - self._shift)

    def values(self, name: str) -> npt.NDArray[Any]:
        """The values of all rows, those that are forgotten too; not to be written."""
        return self._arrays[name][: self.size]

    @property
    def live(self) -> npt.NDArray[np.bool_]:
        """Which rows are not forgotten; not to be written."""
        return self._live[: self.size]

    def find(self, keys: Keys) -> Numbers:
        """The row of each KEY, -1 where there is none."""
        return self._index.find(keys)

    def rows(self, rows: Numbers) -> pl.DataFrame:
        """The fixed columns of rows."""
        return self.fixed[pl.Series(rows, dtype=pl.UInt32)] if self.fixed.width else self.fixed

    def adopt(self, change: Change) -> None:
        """Take what a batch changes."""
        if self._shift is None:
            self._shift = change.now - self.at
        self.at = self.time(change.now)
        for name, new in change.values.items():
            self._arrays[name][change.rows] = new
        self._forget(change.ended)
        self.alive += change.added.height - len(change.ended)
        self._touch(change.rows)
        self._touch(change.ended)
        self._append(change.added, change.added_values)
        if self.size - self.alive > self.alive + _WASTE:
            self._compact()

    def take(self, saved: Saved) -> None:
        """Go on from what was saved, instead of what there is."""
        self.at, self._shift = saved.at, None
        self.fixed, self.size, self.alive = pl.DataFrame(), 0, saved.fixed.height
        self._index, self._touched = KeyIndex(), set()
        if saved.fixed.height:
            self._append(saved.fixed, {name: saved.values[name].to_numpy() for name in self.kinds})
        self.edition += 1

    def saved(self) -> Saved:
        """All that is not forgotten."""
        rows = np.flatnonzero(self.live)
        return Saved(self.at, self.rows(rows), self._frame(rows).drop(LIVE))

    def chunk(self, number: int) -> tuple[pl.DataFrame, pl.DataFrame]:
        """The fixed columns of some rows, and their values with LIVE; both are copies."""
        rows = np.arange(number * CHUNK, min(self.size, (number + 1) * CHUNK))
        return self.fixed.slice(number * CHUNK, CHUNK), self._frame(rows)

    def take_touched(self) -> list[int]:
        """The numbers of the chunks that have changed since the last call, ascending."""
        touched, self._touched = sorted(self._touched), set()
        return touched

    def measures(self) -> Sequence[Measure]:
        """What self-metrics show of it; nothing unless a stage says otherwise."""
        return ()

    def _forget(self, rows: Numbers) -> None:
        self._live[rows] = False
        if len(rows) and KEY in self.fixed.columns:
            self._index.remove(self.rows(rows)[KEY].to_numpy())

    def _append(self, fixed: pl.DataFrame, values: Arrays) -> None:
        if not fixed.height:
            return
        first, self.size = self.size, self.size + fixed.height
        if self.size > len(self._live):
            self._grow(2 * self.size)
        for name, array in self._arrays.items():
            array[first : self.size] = values[name]
        self._live[first : self.size] = True
        self.fixed = fields.concat([self.fixed, fixed]) if first else fixed
        if self.fixed.n_chunks() > 32:
            self.fixed = self.fixed.rechunk()
        if KEY in fixed.columns:
            self._index.add(fixed[KEY].to_numpy(), np.arange(first, self.size))
        self._touched.update(range(first // CHUNK, (self.size - 1) // CHUNK + 1))

    def _grow(self, capacity: int) -> None:
        def grown(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
            fresh = np.empty(capacity, array.dtype)
            fresh[: len(array)] = array
            return fresh

        self._arrays = {name: grown(array) for name, array in self._arrays.items()}
        self._live = grown(self._live)

    def _touch(self, rows: Numbers) -> None:
        self._touched.update(np.unique(rows // CHUNK).tolist())

    def _frame(self, rows: Numbers) -> pl.DataFrame:
        columns = {name: _series(array[rows]) for name, array in self._arrays.items()}
        return pl.DataFrame({**columns, LIVE: self._live[rows]})

    def _compact(self) -> None:
        saved, shift = self.saved(), self._shift
        self.take(saved)
        self._shift = shift


def _series(array: npt.NDArray[Any]) -> pl.Series:
    """An array as a column; one of objects has texts and None."""
    return pl.Series(array.tolist(), dtype=pl.String) if array.dtype == object else pl.Series(array)


class Stepped(NamedTuple):
    """What a stage that remembers makes of a batch.

    `filtered`: how many flows it left out. `measures`: what self-metrics grow by, which are those
    that `exposition.self_metrics` declares. `rejected`: the rows of flows that cannot be used, and
    why.
    """

    flows: pl.DataFrame
    change: Change
    filtered: int = 0
    measures: Sequence[Measure] = ()
    rejected: Sequence[tuple[int, str]] = ()


class Stateful(Protocol):
    """The behaviour of a stage that remembers."""

    idle: float
    """Seconds without a batch after which it is given an empty one."""

    def begin(self) -> Memory:
        """An empty memory."""

    def step(self, flows: pl.DataFrame, memory: Any, now: float) -> Stepped:
        """Take a batch at `now` (epoch seconds); `memory` came from `begin`, and is only read."""
