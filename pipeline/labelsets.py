"""Label sets as small numbers: looked up once per delta, and counted by their ids from then on.

To group rows by an id costs a tenth of grouping them by ten label columns, and several tables that
count the same metric (a partition's, and the one that is shown) share the lookup.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from weakref import WeakValueDictionary

import polars as pl

from pipeline.stage import Family

ID = ":id"
"""The column that stands for the labels (UInt32)."""

_BETWEEN = "\x1f"
_TEXT, _CODE = ":text", ":code"


class LabelSets:
    """The label sets of a family in the order they first came; the id of a set is its place.

    None is ever forgotten; whoever holds far fewer than `len()` begins with new ones. Any thread
    may use it.
    """

    def __init__(self, labels: Sequence[str]) -> None:
        self.labels = tuple(labels)
        self._lock = threading.Lock()
        self._frame = pl.DataFrame(schema=dict.fromkeys(self.labels, pl.String))
        self._new: list[pl.DataFrame] = []
        self._count = 0 if labels else 1
        self._texts = pl.Categorical(pl.Categories.random())
        self._anchor = pl.Series([], dtype=self._texts)  # codes live as long as a column of theirs
        self._ids = pl.Series(ID, [], dtype=pl.UInt32)  # by code; null: several sets have that text
        self._alike: dict[tuple[str, ...], int] = {}

    def __len__(self) -> int:
        return self._count

    def ids(self, series: pl.DataFrame) -> pl.Series:
        """UInt32: the ids of rows by their label columns (String, no nulls), new ones included."""
        if not self.labels:
            return pl.repeat(0, series.height, dtype=pl.UInt32, eager=True).alias(ID)
        text = pl.concat_str(self.labels, separator=_BETWEEN).alias(_TEXT)
        texts = series.select(text).to_series()
        with self._lock:
            codes = texts.cast(self._texts).to_physical().alias(_CODE)
            top = codes.max()
            if isinstance(top, int) and top >= len(self._ids):
                self._learn(series.select(self.labels).with_columns(texts, codes))
            ids = self._ids.gather(codes)
            return self._told_apart(series, ids) if ids.null_count() else ids

    def frame(self, ids: pl.Series) -> pl.DataFrame:
        """The label columns (String) of ids, a row each."""
        with self._lock:
            if self._new:
                # In one chunk: to gather texts from several is many times slower than to copy them.
                self._frame = pl.concat([self._frame, *self._new], rechunk=True)
                self._new = []
            return self._frame.select(pl.all().gather(ids))

    def _learn(self, rows: pl.DataFrame) -> None:
        new = rows.filter(pl.col(_CODE) >= len(self._ids)).unique(_CODE).sort(_CODE)  # dense
        breaks = pl.col(_TEXT).str.count_matches(_BETWEEN, literal=True)
        clear = new.select(breaks < len(self.labels)).to_series()
        ids = pl.lit(clear).cum_sum() - 1 + self._count
        added = pl.select(pl.when(pl.lit(clear)).then(ids).cast(pl.UInt32)).to_series()
        self._ids = pl.concat([self._ids, added.alias(ID)], rechunk=True)
        self._add(new.filter(clear).select(self.labels))

    def _add(self, sets: pl.DataFrame) -> None:
        self._new.append(sets)
        self._count += sets.height

    def _told_apart(self, series: pl.DataFrame, ids: pl.Series) -> pl.Series:
        """The ids with those of rows whose labels contain the separator: rare, so one by one."""
        odd = ids.is_null().arg_true()
        rows = series.select(self.labels)[odd]
        new = [row for row in dict.fromkeys(rows.iter_rows()) if row not in self._alike]
        self._alike |= {row: self._count + place for place, row in enumerate(new)}
        self._add(pl.DataFrame(new, schema=self._frame.schema, orient="row"))
        found = [self._alike[row] for row in rows.iter_rows()]
        return ids.scatter(odd, pl.Series(found, dtype=pl.UInt32))


class Sharing:
    """The label sets of families by name, one for all who ask while anyone holds them."""

    def __init__(self) -> None:
        self._held: WeakValueDictionary[str, LabelSets] = WeakValueDictionary()

    def of(self, family: Family) -> LabelSets:
        """The label sets of a family."""
        found = self._held.get(family.name)
        if found is None or found.labels != family.labels:
            found = self._held[family.name] = LabelSets(family.labels)
        return found
