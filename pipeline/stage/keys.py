"""Labels that are made where they are needed: rows of a delta are known by keys.

To hash what labels depend on costs a fraction of making the labels, and most rows of a batch have
labels that the ledger has seen.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from typing import NamedTuple

import polars as pl

KEY, CHECK = ":key", ":check"
"""Two hashes (UInt64) of the same: by the first a row is found, by the second it is told apart."""

_BITS = 63
_SECRETS = {name: secrets.randbits(_BITS) for name in (KEY, CHECK)}


class Keyed(NamedTuple):
    """The labels of a delta's rows.

    `keys`: KEY and CHECK, a row each. In this process, two rows of a family with the same two have
    the same labels. `told`: from rows (UInt32) to what their labels are made of, and from that
    `labels` (String, no nulls) are made, and `outside`: the keys that rows have without their
    addresses, and these addresses (String).
    """

    keys: pl.DataFrame
    told: Callable[[pl.Series], pl.DataFrame]
    labels: Callable[[pl.DataFrame], pl.DataFrame]
    outside: Callable[[pl.DataFrame], tuple[pl.DataFrame, pl.DataFrame]]

    def of(self, rows: pl.Series) -> Keyed:
        """Those of some of the rows (UInt32)."""
        told = self.told
        return self._replace(keys=self.keys[rows], told=lambda chosen: told(rows[chosen]))

    def kept(self, rows: pl.Series) -> Keyed:
        """The same, to be kept: without the memory of the other rows."""
        return self._replace(keys=self.keys[rows], told=self.told(rows).__getitem__)


def together(parts: Iterable[Keyed]) -> Iterator[Keyed]:
    """The rows of one family in their order; those that are told by the same columns as one."""
    nothing = pl.Series(dtype=pl.UInt32)
    for _, alike in groupby(parts, lambda part: part.told(nothing).schema):
        several = list(alike)
        told = pl.concat([part.told(_all(part)) for part in several], rechunk=True)
        keys = pl.concat(part.keys for part in several)
        yield several[0]._replace(keys=keys, told=told.__getitem__)


def _all(part: Keyed) -> pl.Series:
    return pl.int_range(part.keys.height, dtype=pl.UInt32, eager=True)


def hashed(rows: pl.DataFrame) -> pl.DataFrame:
    """KEY and CHECK of rows by all of their columns, whose names and types count, too."""
    columns = hash(repr(rows.schema)) & ((1 << _BITS) - 1)
    return pl.DataFrame(
        [rows.hash_rows(secret ^ columns).alias(name) for name, secret in _SECRETS.items()]
    )
