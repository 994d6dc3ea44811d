"""Series to Prometheus text format 0.0.4, exact names.

Source: docs/reference/encode-prom.md#exposition.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple
from weakref import WeakKeyDictionary

import polars as pl

from pipeline.stage import COUNT, SUM, VALUE, Family, Kind, bucket
from pipeline.state.label_sets import ID, LabelInterner
from pipeline.state.series_rows import LAST_COUNTED, Rows
from pipeline.state.series_table import SeriesTable

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_EXACT = 2.0**53
_SPECIAL = r'[\\"\n]'
_ACTIVE, _BEFORE = ":active", ":before"


class _Shown(NamedTuple):
    """What a scrape has shown of a family: by the ids of `sets` the values, and who was active."""

    sets: LabelInterner
    series: pl.DataFrame


class Exposition:
    """What one server shows. It remembers what it showed, which `zero_first` needs."""

    def __init__(self) -> None:
        self._shown: WeakKeyDictionary[SeriesTable, _Shown] = WeakKeyDictionary()

    def render(self, tables: Iterable[SeriesTable], now: float | None = None) -> str:
        """The text of every family that is exposed and has a series.

        Series idle at `now` (epoch seconds) for longer than their expiry are left out; None leaves
        none out and shows every series at its total.
        """
        return "".join(self.parts(tables, now))

    def parts(self, tables: Iterable[SeriesTable], now: float | None = None) -> Iterator[str]:
        """The same in parts of some thousand lines: a million series at once need much memory."""
        for table in tables:
            if table.family.exposed:
                yield from self._family(table, now)

    def _family(self, table: SeriesTable, now: float | None) -> Iterator[str]:
        rows, family = table.rows, table.family
        from_zero = now is not None and table.policy.zero_first and table.labels
        if from_zero and family.kind is not Kind.GAUGE:
            series = self._from_zero(table, rows, now or 0.0)
        else:
            series = table.active(rows.all(), now)
        if series.height:
            yield _head(family)
            special = rows.sets.labels_with(_SPECIAL)
            for part in rows.parts(series):
                yield _lines(family, part, special)

    def _from_zero(self, table: SeriesTable, rows: Rows, now: float) -> pl.DataFrame:
        """A new series at zero, and one that was idle at its last total, until the next time.

        Columns: ID and the values.
        """
        columns = list(table.family.columns)
        active = pl.col(LAST_COUNTED) >= now - table.policy.expiry
        series = rows.all().select(ID, *columns, active.alias(_ACTIVE))
        shown = self._shown.get(table, _Shown(rows.sets, series.clear()))
        self._shown[table] = _Shown(rows.sets, series)
        before = _by_ids_of(rows, series, shown)
        joined = series.join(before, on=ID, how="left", suffix=_BEFORE, maintain_order="left")
        return joined.filter(_ACTIVE).select(
            ID,
            *(
                pl.when(pl.col(_ACTIVE + _BEFORE))
                .then(pl.col(column))
                .otherwise(pl.col(column + _BEFORE).fill_null(0))
                .alias(column)
                for column in columns
            ),
        )


def _by_ids_of(rows: Rows, series: pl.DataFrame, shown: _Shown) -> pl.DataFrame:
    """What was shown of these series, by their own ids; a table may have changed all of them."""
    if shown.sets is rows.sets:
        return shown.series
    labelled = shown.sets.frame(shown.series[ID]).hstack(shown.series.drop(ID))
    known = rows.sets.frame(series[ID]).with_columns(series[ID])
    return labelled.join(known, on=list(rows.sets.labels)).select(series.columns)


def render_family(family: Family, series: pl.DataFrame) -> str:
    """HELP, TYPE and samples of one family; `series` has its label and value columns."""
    special = {label for label in family.labels if series[label].str.contains(_SPECIAL).any()}
    return _head(family) + _lines(family, series, special)


def _head(family: Family) -> str:
    head = f"# TYPE {family.name} {family.kind}\n"
    return f"# HELP {family.name} {_help(family.help)}\n{head}" if family.help else head


def _lines(family: Family, series: pl.DataFrame, special: Collection[str]) -> str:
    """The samples; labels that are not `special` have no character that is escaped."""
    series = series.with_columns(escaped(series[label]) for label in special)
    if family.kind is Kind.HISTOGRAM:
        return _text(_histogram(family, series))
    value = pl.lit(_number(series[VALUE]).alias(":number"))
    if not family.labels:
        return _text(series.select(line=pl.concat_str(pl.lit(f"{family.name} "), value)))
    named = [pl.lit(f"{family.name}{{"), *_labels(family.labels), pl.lit("} "), value]
    return _text(series.select(line=pl.concat_str(named)))


def escaped(text: pl.Series) -> pl.Series:
    """Label values with backslash, quote and line feed escaped."""
    return (
        text.str.replace_all("\\", "\\\\", literal=True)
        .str.replace_all('"', '\\"', literal=True)
        .str.replace_all("\n", "\\n", literal=True)
    )


def _labels(labels: Iterable[str]) -> list[pl.Expr]:
    """`a="x",b="y"` in parts, for label columns of the same names."""
    parts: list[pl.Expr] = []
    for label in labels:
        parts += [pl.lit(f'{label}="' if not parts else f'",{label}="'), pl.col(label)]
    return [*parts, pl.lit('"')] if parts else parts


def _histogram(family: Family, series: pl.DataFrame) -> pl.DataFrame:
    """The lines of every series: cumulative buckets, sum and count."""
    text = pl.concat_str(_labels(family.labels)) if family.labels else pl.lit("")
    frame = series.with_columns(text.alias(":labels"))
    comma = "," if family.labels else ""
    bounds = [*map(bound_text, family.buckets), "+Inf"]
    cumulative = pl.Series(":number", [0], dtype=pl.Int64).new_from_index(0, series.height)
    lines = []
    for index, bound in enumerate(bounds):
        cumulative = cumulative + series[bucket(index)]
        tail = f'{comma}le="{bound}"}} '
        lines.append(_sample(f"{family.name}_bucket{{", tail, cumulative))
    opening, closing = ("{", "} ") if family.labels else ("", " ")
    lines.append(_sample(f"{family.name}_sum{opening}", closing, series[SUM]))
    lines.append(_sample(f"{family.name}_count{opening}", closing, series[COUNT]))
    return frame.select(line=pl.concat_str(lines, separator="\n"))


def _sample(start: str, end: str, values: pl.Series) -> pl.Expr:
    number = pl.lit(_number(values).alias(":number"))
    return pl.concat_str(pl.lit(start), pl.col(":labels"), pl.lit(end), number)


def bound_text(bound: float) -> str:
    """A bucket's upper bound as Go prints it: 1, 0.005, 2.5, 1e+06."""
    short = f"{bound:g}"
    return short if float(short) == bound else repr(bound)


def _number(column: pl.Series) -> pl.Series:
    """Values as text: integers without a fraction, others in their shortest form."""
    if column.dtype.is_integer():
        return column.cast(pl.String)
    whole = (column.round() == column) & (column.abs() < _EXACT)
    if whole.all():
        return column.cast(pl.Int64).cast(pl.String)
    printed = column.cast(pl.String).replace({"inf": "+Inf", "-inf": "-Inf"})
    return printed.zip_with(
        ~whole.fill_null(value=False), column.cast(pl.Int64, strict=False).cast(pl.String)
    )


def _text(lines: pl.DataFrame) -> str:
    text = lines["line"].str.join("\n").item()
    return f"{text}\n"


def _help(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n")
