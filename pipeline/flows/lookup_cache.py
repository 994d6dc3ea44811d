"""A lookup per distinct text, once: a batch then costs an interning and a gather."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias

import polars as pl

from pipeline import limits

Lookup: TypeAlias = "Callable[[pl.Series], pl.DataFrame]"
"""From distinct texts (String, no nulls) to a frame with a row for each; pure, fixed schema.

With the columns PLACE (UInt32, index of the text) and SINCE (Int64, ms) a text may have several
rows, sorted by both: its answer from one time on, and from another.
"""

PLACE, SINCE = "\x1eplace", "\x1esince"
LIMIT = 1_000_000
"""Distinct texts kept before a cache starts over (about 60 bytes each)."""

_SPAN = 1 << 42
"""Times are below (ms since 1970: the year 2109); a text's id times this, plus a time, is a key."""
_WASTE = 50_000
"""Unused rows of answers, before a cache starts over."""


class LookupCache:
    """Remembers what a lookup answered for every text it has seen.

    Texts are interned, so a text is a small id, below `known`; `rows` maps it to a row of `table`,
    null when the answer had nothing but nulls. An address that resolves to nothing thus costs
    twelve bytes. Of texts with several answers `rows` knows the last, `border` when it begins, and
    `keys` with `then_rows` all of them, sorted.
    """

    def __init__(self, lookup: Lookup, *, limit: int = LIMIT) -> None:
        self._lookup = lookup
        self._limit = limit
        self._start()

    def forget(self, texts: Iterable[str] | None = None) -> None:
        """Look texts up again (or all): what the lookup reads has changed."""
        if texts is None:
            self._start()
            return
        stale = pl.Series("text", sorted(texts), dtype=pl.String)
        if self._known and len(stale):
            self._learn(stale, stale.cast(self._texts).to_physical())

    def get(
        self,
        texts: pl.Series,
        columns: Sequence[str] | None = None,
        at: pl.Series | None = None,
    ) -> pl.DataFrame:
        """The answers for `texts` (String), a row each, null where the text is null or unknown.

        `at` (Int64, ms) asks for the answer at that time; null, or no `at`: for the last one.
        """
        if self._known > self._limit:
            limits.reached(
                f"more than {self._limit:,} different addresses or ports were looked up",
                "what is known of them is looked up again, which takes time",
            )
            self._start()
        elif self._table.height > 2 * self._known + _WASTE:
            self._start()
        ids = texts.cast(self._texts).to_physical()
        top = ids.max()
        if isinstance(top, int) and top >= self._known:
            # Ids are dense, so that all above the known ones are new.
            new = pl.int_range(self._known, top + 1, dtype=pl.UInt32, eager=True)
            named = new.to_frame("id").select(pl.col("id").cat.to(self._texts).cast(pl.String))
            self._learn(named["id"], new)
        rows = self._rows.gather(ids)
        if at is not None and len(self._keys):
            rows = self._then(ids, rows, at)
        return self._table.select(pl.col(columns or self._table.columns).gather(rows))

    def _start(self) -> None:
        self._texts = pl.Categorical(pl.Categories.random())
        self._anchor = pl.Series([], dtype=self._texts)  # ids live as long as a column of theirs
        self._known = 0
        self._rows = pl.Series("row", [], dtype=pl.UInt32)
        self._border = pl.Series("border", [], dtype=pl.Int64)
        self._keys = pl.Series("key", [], dtype=pl.Int64)
        self._then_rows = pl.Series("row", [], dtype=pl.UInt32)
        table = self._lookup(pl.Series("text", [], dtype=pl.String))
        self._table = table.drop(PLACE, SINCE, strict=False)

    def _learn(self, texts: pl.Series, ids: pl.Series) -> None:
        """Look texts up and set what is known of their ids.

        When that fails, start over: ids that were given and not learnt would count as learnt.
        """
        try:
            self._look_up(texts, ids)
        except BaseException:
            self._start()
            raise

    def _look_up(self, texts: pl.Series, ids: pl.Series) -> None:
        answers = self._lookup(texts)
        timed = PLACE in answers.columns
        place = answers[PLACE] if timed else pl.int_range(len(ids), dtype=pl.UInt32, eager=True)
        table = answers.drop(PLACE, SINCE, strict=False)
        found = table.select(pl.any_horizontal(pl.all().is_not_null())).to_series()
        row = pl.when(pl.lit(found)).then(pl.lit(found).cum_sum() - 1 + self._table.height)
        learnt = pl.select(id=ids.gather(place), row=row.cast(pl.UInt32))
        self._set(ids, learnt)
        if timed:
            self._set_periods(ids, learnt.with_columns(answers[SINCE].alias("since")))
        # In one chunk: to gather texts from several is many times slower than to copy them.
        self._table = pl.concat([self._table, table.filter(found)], rechunk=True)

    def _set(self, ids: pl.Series, learnt: pl.DataFrame) -> None:
        top = ids.max()
        self._known = max(self._known, (top if isinstance(top, int) else -1) + 1)
        if self._known > len(self._rows):
            more = max(self._known - len(self._rows), len(self._rows))
            room = pl.repeat(None, more, dtype=pl.UInt32, eager=True)
            self._rows = pl.concat([self._rows, room], rechunk=True)
            borders = pl.repeat(0, more, dtype=pl.Int64, eager=True)
            self._border = pl.concat([self._border, borders], rechunk=True)
        last = learnt.unique("id", keep="last")
        self._rows.scatter(ids, None)
        self._rows.scatter(last["id"], last["row"])

    def _set_periods(self, ids: pl.Series, learnt: pl.DataFrame) -> None:
        several = learnt.filter(pl.len().over("id") > 1)
        if several.is_empty() and self._keys.is_empty():
            return
        known = pl.DataFrame([self._keys, self._then_rows])
        self._border.scatter(ids, 0)
        last = several.unique("id", keep="last")
        self._border.scatter(last["id"], last["since"])
        kept = known.filter(~(pl.col("key") // _SPAN).is_in(ids.cast(pl.Int64).implode()))
        keys = pl.col("id").cast(pl.Int64) * _SPAN + pl.col("since").clip(0, _SPAN - 1)
        fresh = several.select(key=keys, row="row")
        merged = pl.concat([kept, fresh]).sort("key")
        self._keys, self._then_rows = merged["key"], merged["row"]

    def _then(self, ids: pl.Series, rows: pl.Series, at: pl.Series) -> pl.Series:
        """The rows of the answers at a time: another than the last one before its time came."""
        at = at.clip(0, _SPAN - 1)
        early = (at < self._border.gather(ids)).arg_true()
        if not len(early):
            return rows
        ids, at = ids.gather(early).cast(pl.Int64), at.gather(early)
        places = self._keys.search_sorted(ids * _SPAN + at, side="right")
        return rows.scatter(early, self._then_rows.gather(places - 1))
