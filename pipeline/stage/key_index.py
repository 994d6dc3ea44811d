"""Rows of a memory by 64-bit key: sorted arrays, so that a batch is looked up at once."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Keys = npt.NDArray[np.uint64]
Numbers = npt.NDArray[np.int64]

_FEW = 65_536
"""Keys that are sorted in again whenever there are new ones."""


class KeyIndex:
    """Numbers of rows by key. New keys are kept apart until there are many of them."""

    def __init__(self) -> None:
        self._main = _Sorted(np.empty(0, np.uint64), np.empty(0, np.int64))
        self._recent = self._main

    def find(self, keys: Keys) -> Numbers:
        """The row of each key (any order), -1 where there is none."""
        found = self._main.find(keys)
        recent = self._recent.find(keys)
        return np.where(recent >= 0, recent, found)

    def add(self, keys: Keys, rows: Numbers) -> None:
        """Keys that are not in it, each once, and their rows."""
        self._recent = self._recent.joined(keys, rows)
        if len(self._recent) > _FEW:
            self._main = self._main.joined(self._recent.keys, self._recent.rows)
            self._recent = _Sorted(np.empty(0, np.uint64), np.empty(0, np.int64))

    def remove(self, keys: Keys) -> None:
        """Forget keys that are in it."""
        self._main.forget(keys)
        self._recent.forget(keys)


class _Sorted:
    """Keys in ascending order and their rows, -1 for those that are forgotten."""

    def __init__(self, keys: Keys, rows: Numbers) -> None:
        self.keys, self.rows = keys, rows

    def __len__(self) -> int:
        return len(self.keys)

    def find(self, keys: Keys) -> Numbers:
        if not len(self.keys):
            return np.full(len(keys), -1)
        places = self._places(keys)
        return np.where(self.keys[places] == keys, self.rows[places], -1)

    def forget(self, keys: Keys) -> None:
        if len(self.keys):
            places = self._places(keys)
            self.rows[places[self.keys[places] == keys]] = -1

    def joined(self, keys: Keys, rows: Numbers) -> _Sorted:
        order = np.argsort(keys)
        keys, rows = keys[order], rows[order]
        known = self.rows >= 0
        own_keys, own_rows = (
            (self.keys, self.rows) if known.all() else (self.keys[known], self.rows[known])
        )
        places = np.searchsorted(own_keys, keys)
        return _Sorted(np.insert(own_keys, places, keys), np.insert(own_rows, places, rows))

    def _places(self, keys: Keys) -> Numbers:
        return np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
