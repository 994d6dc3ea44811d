"""Writing fields: any value, where a condition holds, in the place the value model gives it.

Complements `values.put`: what does not fit a column's type goes to its overflow column, the
column and the values it had are left as they are.
"""

from __future__ import annotations

import msgspec
import polars as pl

from pipeline.flows import catalogue, values

_MASK = values.HIDDEN + "mask"


def mask(flows: pl.DataFrame, condition: pl.Expr) -> pl.Series:
    """Boolean, a value per row, no nulls, whatever the condition's own length."""
    return flows.with_columns(condition.fill_null(value=False).alias(_MASK))[_MASK]


def put_json(flows: pl.DataFrame, name: str, texts: pl.Series) -> pl.DataFrame:
    """Write JSON texts (String) into the overflow column where they are not null."""
    if texts.null_count() == len(texts):
        return flows
    odd = values.overflow(name)
    columns = [pl.coalesce(pl.lit(texts), pl.col(odd) if odd in flows.columns else None).alias(odd)]
    if name in flows.columns:
        columns.append(pl.when(pl.lit(texts.is_null())).then(pl.col(name)).alias(name))
    return flows.with_columns(columns)


def put_value(flows: pl.DataFrame, name: str, value: object, where: pl.Series) -> pl.DataFrame:
    """Write one value (of YAML) in the rows of `where` (Boolean, no nulls)."""
    for dtype in _types(flows, name, value):
        typed = _fitting(value, dtype)
        if typed is not None:
            rows = pl.select(pl.when(pl.lit(where)).then(pl.lit(typed).first())).to_series()
            return values.put(flows, name, rows)
    text = msgspec.json.encode(value).decode()
    return put_json(flows, name, pl.select(pl.when(pl.lit(where)).then(pl.lit(text))).to_series())


def put_number(flows: pl.DataFrame, name: str, numbers: pl.Series) -> pl.DataFrame:
    """Write whole numbers (Float64) where they are not null; typed where the column's type fits."""
    dtype = flows.schema.get(name) or catalogue.dtype_of(name) or pl.Int64()
    whole = numbers.cast(pl.Int64, strict=False)
    if dtype.is_numeric():
        typed = whole.cast(dtype, strict=False)
        flows = values.put(flows, name, typed)
        whole = whole.set(typed.is_not_null(), None)
    return put_json(flows, name, whole.cast(pl.String))


def copy(
    flows: pl.DataFrame, name: str, source: pl.DataFrame, field: str, where: pl.Series
) -> pl.DataFrame:
    """Write the `field` of another frame (same rows) where it has it, in the rows of `where`."""
    kept = pl.when(pl.lit(where))
    if field in source.columns:
        flows = values.put(flows, name, source.select(kept.then(pl.col(field))).to_series())
    odd = values.overflow(field)
    if odd in source.columns:
        flows = put_json(flows, name, source.select(kept.then(pl.col(odd))).to_series())
    return flows


def _types(flows: pl.DataFrame, name: str, value: object) -> list[pl.DataType]:
    """The types a value may take, the best first: only the column's own where there is one."""
    if name in flows.columns:
        return [flows.schema[name]]
    known = catalogue.dtype_of(name)
    return [*([known] if known else []), *_natural(value)]


def _natural(value: object) -> list[pl.DataType]:
    if isinstance(value, bool):
        return [pl.Boolean()]
    if isinstance(value, (int, float)):
        return [pl.Float64()]
    return [pl.String()] if isinstance(value, str) else []


def _fitting(value: object, dtype: pl.DataType) -> pl.Series | None:
    """The value as a series of one, None where it is of another type or out of range."""
    if value is None or not _same_shape(value, dtype):
        return None
    if isinstance(value, float) and value.is_integer() and dtype.is_integer():
        value = int(value)
    try:
        return pl.Series([value], dtype=dtype, strict=True)
    except (TypeError, OverflowError, pl.exceptions.PolarsError):
        return None


def _same_shape(value: object, dtype: pl.DataType) -> bool:
    """Whether Polars would take the value as it is: it turns booleans and elements silently."""
    if isinstance(value, list):
        return dtype == pl.List(pl.String) and all(isinstance(item, str) for item in value)
    return not dtype.is_nested() and isinstance(value, bool) == (dtype == pl.Boolean)
