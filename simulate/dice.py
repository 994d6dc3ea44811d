"""Draws that depend on a number, a name and a seed only: the same however a run is cut up."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import polars as pl

_GOLDEN = 0x9E3779B97F4A7C15
_FRACTIONS = 2**24
_HIGH_BITS = 2**64 // _FRACTIONS


class Dice:
    """One throw a row for every name asked for (`rows`: UInt64). Arithmetic is modulo 2**64."""

    def __init__(self, rows: pl.Series, seed: int) -> None:
        self._rows = rows.cast(pl.UInt64)
        self._seed = seed

    def roll(self, name: str) -> pl.Series:
        """64 random bits a row (the finaliser of SplitMix64)."""
        digest = hashlib.blake2b(f"{self._seed}/{name}".encode(), digest_size=8).digest()
        z = self._rows * _u64(_GOLDEN) + _u64(int.from_bytes(digest, "big"))
        z = (z ^ (z // 2**30)) * _u64(0xBF58476D1CE4E5B9)
        z = (z ^ (z // 2**27)) * _u64(0x94D049BB133111EB)
        return z ^ (z // 2**31)

    def below(self, name: str, bound: int) -> pl.Series:
        """A whole number from 0 up to, not including, `bound` (Int64)."""
        return (self.roll(name) // 2 % bound).cast(pl.Int64)

    def within(self, name: str, bounds: pl.Series) -> pl.Series:
        """The same with a bound a row."""
        return (self.roll(name) // 2 % bounds.cast(pl.UInt64)).cast(pl.Int64)

    def share(self, name: str) -> pl.Series:
        """A fraction from 0 up to, not including, 1 (Float64)."""
        drawn = self.roll(name) // _HIGH_BITS
        return drawn.cast(pl.Float64) / _FRACTIONS

    def one_of(self, name: str, values: Sequence[int]) -> pl.Series:
        """One of the values, repeats making it likelier."""
        return pl.Series(values).gather(self.below(name, len(values)))


def _u64(number: int) -> pl.Series:
    return pl.Series([number], dtype=pl.UInt64)
