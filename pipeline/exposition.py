"""Series to Prometheus text format 0.0.4, exact names (flp-semantics e.3)."""

from __future__ import annotations

from collections.abc import Iterable
from weakref import WeakKeyDictionary

import polars as pl

from pipeline.ledger import FIRST_SEEN, LAST_SEEN, Table, value_columns
from pipeline.stage import COUNT, SUM, VALUE, Family, Kind, bucket

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_EXACT = 2.0**53
_TIMES = (FIRST_SEEN, LAST_SEEN)
_ACTIVE, _BEFORE = ":active", ":before"


class Exposition:
    """What one server shows. It remembers what it showed, which `zero_first` needs."""

    def __init__(self) -> None:
        self._shown: WeakKeyDictionary[Table, pl.DataFrame] = WeakKeyDictionary()

    def render(self, tables: Iterable[Table], now: float | None = None) -> str:
        """The text of every family with a series.

        Series idle at `now` (epoch seconds) for longer than their expiry are left out; None leaves
        none out and shows every series at its total.
        """
        return "".join(self._family(table, now) for table in tables)

    def _family(self, table: Table, now: float | None) -> str:
        from_zero = now is not None and table.policy.zero_first and table.labels
        if from_zero and table.family.kind is not Kind.GAUGE:
            series = self._from_zero(table, now or 0.0)
        else:
            series = table.exposed(now)
        return render_family(table.family, series.drop(_TIMES)) if series.height else ""

    def _from_zero(self, table: Table, now: float) -> pl.DataFrame:
        """A new series at zero, and one that was idle at its last total, until the next time."""
        columns = value_columns(table.family)
        active = pl.col(LAST_SEEN) >= now - table.policy.expiry
        series = table.series().with_columns(active.alias(_ACTIVE))
        shown = self._shown.get(table, series.clear())
        self._shown[table] = series
        joined = series.join(
            shown, on=table.labels, how="left", suffix=_BEFORE, maintain_order="left"
        )
        return joined.filter(_ACTIVE).with_columns(
            pl.when(pl.col(_ACTIVE + _BEFORE))
            .then(pl.col(column))
            .otherwise(pl.col(column + _BEFORE).fill_null(0))
            .alias(column)
            for column in columns
        )[table.totals.columns]


def render_family(family: Family, series: pl.DataFrame) -> str:
    """HELP, TYPE and samples of one family; `series` has its label and value columns."""
    head = f"# TYPE {family.name} {family.kind}\n"
    if family.help:
        head = f"# HELP {family.name} {_help(family.help)}\n{head}"
    labels = label_text(family.labels)
    if family.kind is not Kind.HISTOGRAM:
        return head + _lines(series, _sample(family.name, labels, "", VALUE, series))
    frame, names = series, []
    cumulative = pl.lit(0, dtype=pl.Int64)
    for index in range(len(family.buckets) + 1):
        cumulative = cumulative + pl.col(bucket(index))
        names.append(f":cum{index}")
        frame = frame.with_columns(cumulative.alias(names[-1]))
    bounds = [*map(bound_text, family.buckets), "+Inf"]
    parts = [
        _sample(f"{family.name}_bucket", labels, f'le="{bound}"', name, frame)
        for bound, name in zip(bounds, names, strict=True)
    ]
    parts.append(_sample(f"{family.name}_sum", labels, "", SUM, frame))
    parts.append(_sample(f"{family.name}_count", labels, "", COUNT, frame))
    return head + _lines(frame, pl.concat_str(parts, separator="\n"))


def label_text(labels: Iterable[str]) -> pl.Expr | None:
    """`a="x",b="y"` for label columns of the same names, escaped; None without labels."""
    parts: list[pl.Expr] = []
    for label in labels:
        lead = f'{label}="' if not parts else f'",{label}="'
        parts += [pl.lit(lead), escaped(pl.col(label))]
    return pl.concat_str(*parts, pl.lit('"')) if parts else None


def escaped(text: pl.Expr) -> pl.Expr:
    """A label value with backslash, quote and line feed escaped."""
    return (
        text.str.replace_all("\\", "\\\\", literal=True)
        .str.replace_all('"', '\\"', literal=True)
        .str.replace_all("\n", "\\n", literal=True)
    )


def bound_text(bound: float) -> str:
    """A bucket's upper bound as Go prints it: 1, 0.005, 2.5, 1e+06."""
    short = f"{bound:g}"
    return short if float(short) == bound else repr(bound)


def _sample(
    name: str, labels: pl.Expr | None, extra: str, column: str, frame: pl.DataFrame
) -> pl.Expr:
    number = _number(frame[column]).alias(":number")
    value = pl.lit(number)
    if labels is None:
        return pl.concat_str(pl.lit(f"{name}{{{extra}}} " if extra else f"{name} "), value)
    tail = f",{extra}}} " if extra else "} "
    return pl.concat_str(pl.lit(f"{name}{{"), labels, pl.lit(tail), value)


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


def _lines(frame: pl.DataFrame, line: pl.Expr) -> str:
    text = frame.select(line.alias("line"))["line"]
    return "\n".join(text.to_list()) + "\n"


def _help(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n")
