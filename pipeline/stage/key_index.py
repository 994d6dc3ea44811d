"""Rows of a memory by 64-bit key: a hash table of arrays, so that a batch is looked up at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

Keys: TypeAlias = "npt.NDArray[np.uint64]"
Numbers: TypeAlias = "npt.NDArray[np.int64]"

_FREE, _FORGOTTEN = -2, -1
_FEWEST_BITS = 10
_SPREAD = 0x9E37_79B9_7F4A_7C15
"""2^64 divided by the golden ratio: keys that follow each other get places far apart."""


class KeyIndex:
    """Numbers of rows by key, below 2^31.

    A key stands in the first free slot from its place on. At most half of the slots are used, so
    that a few steps of all keys together find them.
    """

    def __init__(self) -> None:
        self._used = 0
        self._begin(_FEWEST_BITS)

    def find(self, keys: Keys) -> Numbers:
        """The row of each key (any order), -1 where there is none."""
        slots = self._places(keys)
        found = self._rows[slots].astype(np.int64)
        asked = np.flatnonzero((self._keys[slots] != keys) & (found != _FREE))
        slots = (slots[asked] + 1) & self._mask
        found[asked] = _FORGOTTEN
        while len(asked):
            rows = self._rows[slots]
            same = self._keys[slots] == keys[asked]
            found[asked[same]] = rows[same]
            further = ~same & (rows != _FREE)
            asked, slots = asked[further], (slots[further] + 1) & self._mask
        return np.maximum(found, _FORGOTTEN)

    def add(self, keys: Keys, rows: Numbers) -> None:
        """Keys that are not in it, each once, and their rows."""
        self._used += len(keys)
        if 2 * self._used > len(self._rows):
            held = self._rows >= 0
            keys = np.concatenate([self._keys[held], keys])
            rows = np.concatenate([self._rows[held].astype(np.int64), rows])
            self._begin(max(_FEWEST_BITS, (4 * len(keys) - 1).bit_length() - 1))
            self._used = len(keys)
        slots = self._places(keys)
        while len(keys):
            # One that was forgotten has its slot still.
            open_ = (self._rows[slots] == _FREE) | (self._keys[slots] == keys)
            self._keys[slots[open_]] = keys[open_]
            self._rows[slots[open_]] = rows[open_]
            lost = self._keys[slots] != keys
            keys, rows, slots = keys[lost], rows[lost], (slots[lost] + 1) & self._mask

    def remove(self, keys: Keys) -> None:
        """Forget keys that are in it."""
        slots = self._places(keys)
        while len(keys):
            same = self._keys[slots] == keys
            self._rows[slots[same]] = _FORGOTTEN
            keys, slots = keys[~same], (slots[~same] + 1) & self._mask

    def _begin(self, bits: int) -> None:
        self._shift = np.uint64(64 - bits)
        self._mask = (1 << bits) - 1
        self._keys = np.zeros(1 << bits, np.uint64)
        self._rows = np.full(1 << bits, _FREE, np.int32)

    def _places(self, keys: Keys) -> Numbers:
        return ((keys * np.uint64(_SPREAD)) >> self._shift).astype(np.int64)
