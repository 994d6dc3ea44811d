"""One lookup per distinct text, ever: a batch costs an interning and a gather."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import polars as pl

Lookup = Callable[[pl.Series], pl.DataFrame]
"""From distinct texts (String, no nulls) to a frame with a row for each; pure, fixed schema."""

LIMIT = 1_000_000
"""Distinct texts kept before a memo starts over (about 60 bytes each)."""


class Memo:
    """Remembers what a lookup answered for every text it has seen.

    Texts are interned, so a text is a small id; `rows` maps the id to a row of `table`, null when
    the answer had nothing but nulls. Addresses that resolve to nothing thus cost four bytes.
    """

    def __init__(self, lookup: Lookup, *, limit: int = LIMIT) -> None:
        self._lookup = lookup
        self._limit = limit
        self.forget()

    def forget(self) -> None:
        """Look everything up again: what the lookup reads has changed."""
        self._texts = pl.Categorical(pl.Categories.random())
        self._anchor = pl.Series([], dtype=self._texts)  # ids live as long as a column of theirs
        self._rows = pl.Series("row", [], dtype=pl.UInt32)
        self._table = self._lookup(pl.Series("text", [], dtype=pl.String))

    def get(self, texts: pl.Series, columns: Sequence[str] | None = None) -> pl.DataFrame:
        """The answers for `texts` (String), a row each, null where the text is null or unknown."""
        if len(self._rows) > self._limit:
            self.forget()
        ids = texts.cast(self._texts).to_physical()
        self._learn(texts, ids)
        rows = self._rows.gather(ids)
        return self._table.select(pl.col(columns or self._table.columns).gather(rows))

    def _learn(self, texts: pl.Series, ids: pl.Series) -> None:
        known, top = len(self._rows), ids.max()
        if not isinstance(top, int) or top < known:
            return
        # Ids are dense: the new ones follow the known ones without a gap.
        new = pl.select(text=texts, id=ids).filter(pl.col("id") >= known).unique("id").sort("id")
        answers = self._lookup(new["text"])
        found = answers.select(pl.any_horizontal(pl.all().is_not_null())).to_series()
        row = pl.lit(found).cum_sum() - 1 + self._table.height
        rows = pl.select(row=pl.when(pl.lit(found)).then(row).cast(pl.UInt32)).to_series()
        self._rows = pl.concat([self._rows, rows], rechunk=True)
        self._table = pl.concat([self._table, answers.filter(found)], rechunk=True)
