"""Label sets as small numbers: looked up once per delta, and counted by their ids from then on.

To group rows by an id costs a tenth of grouping them by ten label columns, and several tables that
count the same metric (a partition's, and the one that is shown) share the lookup.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Sequence
from typing import cast
from weakref import WeakValueDictionary

import numpy as np
import polars as pl

from pipeline.stage import Family
from pipeline.stage.key_index import KeyIndex

ID = ":id"
"""The column that stands for the labels (UInt32)."""

_HASH, _ROW = ":hash", ":row"


class LabelInterner:
    """The label sets of a family in the order they first came; the id of a set is its place.

    A set is known by its hash, and told from others of that hash by a second one: when two differ
    in that alone, all are hashed anew. Sets are never forgotten; a user of far fewer sets
    than `len()` starts a new interner. Any thread may use it. Labels of one of the `parts` have one
    number: an interner of its own knows their sets.
    """

    def __init__(self, labels: Sequence[str], parts: Sequence[Sequence[str]] = ()) -> None:
        self.labels = tuple(labels)
        self._parts = {f":{place}": LabelInterner(part) for place, part in enumerate(parts)}
        whole = {label for part in parts for label in part}
        self._single = [label for label in self.labels if label not in whole]
        self._lock = threading.Lock()
        self._begin()

    def __len__(self) -> int:
        return len(self._checks) if self.labels else 1

    def ids(self, series: pl.DataFrame) -> pl.Series:
        """UInt32: the ids of rows by their label columns (String, no nulls), new ones included."""
        if not self.labels:
            return pl.repeat(0, series.height, dtype=pl.UInt32, eager=True).alias(ID)
        rows = series.select(
            *self._single, *(part.ids(series).alias(name) for name, part in self._parts.items())
        )
        with self._lock:
            ids, sound = self._look_up(rows)
            while not sound:
                self._hash_anew()
                ids, sound = self._look_up(rows)
            return ids

    def frame(self, ids: pl.Series) -> pl.DataFrame:
        """The label columns (String) of ids, a row each."""
        with self._lock:
            known = self._whole()
        coded = known[ids]
        parts = (part.frame(coded[name]).get_columns() for name, part in self._parts.items())
        single = [coded[label].cast(pl.String) for label in self._single]
        found = {column.name: column for columns in (single, *parts) for column in columns}
        return pl.DataFrame([found[label] for label in self.labels])

    def labels_with(self, pattern: str) -> set[str]:
        """The labels of which a value that has ever come matches a pattern."""
        with self._lock:
            known = self._whole()
        found = [part.labels_with(pattern) for part in self._parts.values()]
        for label in self._single:
            texts = cast("pl.Categorical", known.schema[label]).categories.to_series()
            if texts.str.contains(pattern).any():
                found.append({label})
        return set().union(*found)

    def _begin(self) -> None:
        self._seeds = secrets.randbits(63), secrets.randbits(63)
        self._index = KeyIndex()
        self._checks = np.empty(0, np.uint64)
        # Few distinct texts in many sets: a code of 4 bytes for each, in place of 16 and the text.
        codes = {label: pl.Categorical(pl.Categories.random()) for label in self._single}
        self._frame = pl.DataFrame(schema=codes | dict.fromkeys(self._parts, pl.UInt32()))
        self._new: list[pl.DataFrame] = []

    def _look_up(self, rows: pl.DataFrame) -> tuple[pl.Series, bool]:
        """The ids, and whether no two sets share one."""
        first, check = (_hashes(rows, seed) for seed in self._seeds)
        hashes, checks = first.to_numpy(), check.to_numpy()
        ids = self._index.find(hashes)
        if (ids < 0).any():
            found = first.alias(_HASH).to_frame().with_row_index(_ROW).filter(pl.Series(ids < 0))
            new = found.unique(_HASH, keep="first", maintain_order=True)
            numbers = np.arange(len(self._checks), len(self._checks) + new.height)
            self._index.add(new[_HASH].to_numpy(), numbers)
            self._checks = np.append(self._checks, checks[new[_ROW]])
            self._new.append(rows[new[_ROW]].cast(self._frame.schema))
            ids[ids < 0] = self._index.find(hashes[ids < 0])
        sound = bool((self._checks[ids] == checks).all())
        return pl.Series(ID, ids.astype(np.uint32)), sound

    def _hash_anew(self) -> None:
        """Give all sets hashes by other seeds; they keep their ids."""
        known, sound = self._whole().cast(dict.fromkeys(self._single, pl.String)), False
        while not sound:
            self._begin()
            _, sound = self._look_up(known)

    def _whole(self) -> pl.DataFrame:
        if self._new:
            # In one chunk: to gather texts from several is many times slower than to copy them.
            self._frame = pl.concat([self._frame, *self._new], rechunk=True)
            self._new = []
        return self._frame


def _hashes(rows: pl.DataFrame, seed: int) -> pl.Series:
    return rows.hash_rows(seed=seed)


class InternerPool:
    """The label sets of families by name, one for all who ask while anyone holds them."""

    def __init__(self) -> None:
        self._held: WeakValueDictionary[str, LabelInterner] = WeakValueDictionary()

    def of(self, family: Family) -> LabelInterner:
        """The label sets of a family."""
        found = self._held.get(family.name)
        if found is None or found.labels != family.labels:
            found = self._held[family.name] = new(family)
        return found


def new(family: Family) -> LabelInterner:
    """An interner without any label set."""
    return LabelInterner(family.labels, family.parts)
