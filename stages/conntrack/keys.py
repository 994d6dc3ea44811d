"""Which connection a flow belongs to, and what identifies it."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

import numpy as np
import polars as pl

from pipeline.flows import gob_hash, values
from pipeline.flows.gob_hash import Hashes, Mask
from pipeline.stage import Measure
from stages.conntrack.fields import Keys

_SIDE = values.HIDDEN + "side"


class Hashed(NamedTuple):
    """The hashes of flows: of the connection, and of the groups A and B (zeros without them)."""

    total: Hashes
    a: Hashes
    b: Hashes
    errors: list[Measure]


class KeyHasher:
    """The hashes of flows, as flowlogs-pipeline makes them to the bit."""

    def __init__(self, groups: dict[str, list[str]], keys: Keys, *, integers: bool) -> None:
        self._groups = groups
        self._keys = keys
        self._integers = integers
        self.fields = list(dict.fromkeys(name for group in groups.values() for name in group))
        """The key fields, in the order of the groups."""
        pairs = zip(groups.get(keys.a, []), groups.get(keys.b, []), strict=True)
        self._other = {name: other for a, b in pairs for name, other in ((a, b), (b, a))}

    def hashes(self, flows: pl.DataFrame) -> Hashed:
        """The hashes of each flow, and how many flows lacked which field."""
        missing: Counter[str] = Counter()
        total = gob_hash.start(flows.height)
        for name in self._keys.groups:
            gob_hash.add_hashes(total, self._group(flows, name, missing))
        a = b = np.zeros(flows.height, np.uint64)
        if self._keys.a:
            a, b = (self._group(flows, name, missing) for name in (self._keys.a, self._keys.b))
            gob_hash.add_hashes(total, np.minimum(a, b))
            gob_hash.add_hashes(total, np.maximum(a, b))
        errors: list[Measure] = [
            ("conntrack_hash_errors", number, ("MissingFieldError", name))
            for name, number in missing.items()
            if number
        ]
        return Hashed(total, a, b, errors)

    def identity(self, flows: pl.DataFrame, swapped: Mask) -> pl.DataFrame:
        """The key fields of flows, null where absent; of A and B exchanged where `swapped`."""
        own = values.only(flows, self.fields)
        for name in self.fields:
            own = values.put_null(own, name, ~values.present(own.schema, name))
        if not swapped.any():
            return own
        where = pl.lit(pl.Series(swapped))
        names = {old: new for name, other in self._other.items() for old, new in _both(name, other)}
        exchanged = own.rename({old: new for old, new in names.items() if old in own.columns})
        sides = [own.filter(~where), exchanged.filter(where)]
        order = np.argsort(np.concatenate([np.flatnonzero(~swapped), np.flatnonzero(swapped)]))
        return values.concat(sides)[pl.Series(order, dtype=pl.UInt32)]

    def _group(self, flows: pl.DataFrame, group: str, missing: Counter[str]) -> Hashes:
        hashes = gob_hash.start(flows.height)
        for name in self._groups[group]:
            added = gob_hash.add_field(hashes, flows, name, integers=self._integers)
            missing[name] += int((~added).sum())
        return hashes


def _both(name: str, other: str) -> list[tuple[str, str]]:
    return [(name, other), (values.overflow(name), values.overflow(other))]


_HEX = np.array([f"{byte:02x}" for byte in range(256)], "S2")


def hexadecimal(hashes: Hashes) -> pl.Series:
    """String: the numbers in lower-case hexadecimal, without leading zeros."""
    digits = _HEX[hashes.astype(">u8").view(np.uint8).reshape(-1, 8)].reshape(-1, 8)
    texts = np.ascontiguousarray(digits).view("S16").ravel().astype(np.str_)
    return pl.Series(texts.tolist(), dtype=pl.String).str.strip_chars_start("0")
