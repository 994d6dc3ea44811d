"""The ids of label sets by the keys of rows: what was looked up once is found by number."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from pipeline.stage.key_index import KeyIndex
from pipeline.stage.keys import CHECK, KEY, Keyed

LIMIT = 1_000_000
"""Keys that are known before all are looked up again (up to 60 bytes each)."""

_Numbers = npt.NDArray[np.int64]
_Ids = npt.NDArray[np.uint32]
_Flags = npt.NDArray[np.bool_]


class Answers(NamedTuple):
    """For label sets: ids, which are beyond a limit, and which have OVERFLOW for addresses."""

    ids: _Ids
    beyond: _Flags
    nowhere: _Flags


LookUp = Callable[[pl.DataFrame], Answers]
"""From labels (String, no nulls) to their answers."""
Strange = Callable[[pl.DataFrame], pl.Series]
"""From addresses to which rows (Boolean) have none that a table keeps, nor a network around one."""


class KnownKeys:
    """What a table has answered for keys; it holds as long as the table's answers stay the same.

    Where no address of a kind of row is kept any more, rows are found without their addresses.
    Of two keys that differ in CHECK alone, the second is looked up each time.
    """

    def __init__(self, look_up: LookUp, strange: Strange) -> None:
        self._look_up, self._strange = look_up, strange
        self.forget()

    def forget(self) -> None:
        """Look all keys up again."""
        self._own, self._nowhere = _Known(), _Known()

    def find(self, keys: pl.DataFrame) -> tuple[pl.Series, int]:
        """UInt32: the ids of keys, null of those to `learn`; how many are beyond a limit."""
        ids, beyond, known = self._own.find(keys)
        found = pl.Series(ids)
        if not known.all():
            found = found.set(pl.Series(~known), None)
        return found, int(np.count_nonzero(beyond & known))

    def learn(self, rows: Keyed) -> tuple[pl.Series, int]:
        """UInt32: the ids of rows that were not found; how many are beyond a limit."""
        if self._own.size > LIMIT:
            self.forget()
        whole = np.arange(rows.keys.height)
        if not self._nowhere.size:
            ids, beyond = self._learnt(rows, whole)
        else:
            keys, addresses = rows.outside(rows.told(_series(whole)))
            ids, beyond, known = self._nowhere.find(keys)
            rest = np.flatnonzero(~known | ~self._strange(addresses).to_numpy())
            if len(rest):
                ids[rest], beyond[rest] = self._learnt(rows, rest)
        return pl.Series(ids), int(np.count_nonzero(beyond))

    def _learnt(self, rows: Keyed, new: _Numbers) -> tuple[_Ids, _Flags]:
        """The ids of these rows, and which are beyond a limit; of each key one is looked up."""
        keys = rows.keys[_series(new)]
        _, index, inverse = np.unique(keys[KEY], return_index=True, return_inverse=True)
        order = np.argsort(index)
        first = index[order]
        told = rows.told(_series(new[first]))
        found = self._look_up(rows.labels(told))
        gone = np.flatnonzero(found.nowhere)
        kept = np.flatnonzero(~found.nowhere)
        self._own.add(keys[_series(first[kept])], found.ids[kept], found.beyond[kept])
        if len(gone):
            without, _ = rows.outside(told[_series(gone)])
            _, once = np.unique(without[KEY], return_index=True)
            self._nowhere.add(
                without[_series(once)], found.ids[gone[once]], found.beyond[gone[once]]
            )
        turn = np.empty_like(order)
        turn[order] = np.arange(len(order))
        places = turn[inverse]
        ids, beyond = found.ids[places], found.beyond[places]
        checks = keys[CHECK].to_numpy()
        others = np.flatnonzero(checks[first][places] != checks)
        if len(others):
            ids[others], beyond[others] = self._learnt(rows, new[others])
        return ids, beyond


class _Known:
    """Ids by keys."""

    def __init__(self) -> None:
        self._index = KeyIndex()
        self.size = 0
        self._checks = np.zeros(1, np.uint64)
        self._ids = np.zeros(1, np.uint32)
        self._beyond = np.zeros(1, np.bool_)

    def find(self, keys: pl.DataFrame) -> tuple[_Ids, _Flags, _Flags]:
        """The ids of keys, which of them are beyond a limit, and which are known at all."""
        places = self._index.find(keys[KEY].to_numpy())
        known = (places >= 0) & (self._checks[places] == keys[CHECK].to_numpy())
        return self._ids[places], self._beyond[places], known

    def add(self, keys: pl.DataFrame, ids: _Ids, beyond: _Flags) -> None:
        """Know more keys, each KEY of which is there once; one that is known stays as it is."""
        numbers = keys[KEY].to_numpy()
        new = np.flatnonzero(self._index.find(numbers) < 0)
        places = np.arange(self.size, self.size + len(new))
        self.size += len(new)
        more = max(self.size, 2 * len(self._ids)) - len(self._ids)
        if self.size > len(self._ids):
            self._checks = np.append(self._checks, np.zeros(more, np.uint64))
            self._ids = np.append(self._ids, np.zeros(more, np.uint32))
            self._beyond = np.append(self._beyond, np.zeros(more, np.bool_))
        self._index.add(numbers[new], places)
        self._checks[places] = keys[CHECK].to_numpy()[new]
        self._ids[places], self._beyond[places] = ids[new], beyond[new]


def _series(places: _Numbers) -> pl.Series:
    return pl.Series(places.astype(np.uint32))
