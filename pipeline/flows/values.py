"""The value model: how a field of a flow lives in a frame, and how stages read and write it.

A field is a typed column `name`. A value that does not fit the column's type (JSON only: a text in
a number field that is not a number, a fraction in a port, a list in a text field, an explicit null)
lives as JSON text in the overflow column `overflow(name)`, which exists only where needed. At most
one of the two is non-null in a row; both null means the field is absent. A frame thus holds any mix
of values, the usual columns stay typed, and a stage that uses the functions below gives the same
result however the flows were split into batches.

Every reading function takes the frame's schema and a field name and returns an expression.
Conversions: docs/reference/decoding.md#conversions.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cache
from typing import Any, TypeAlias

import msgspec
import polars as pl

from pipeline.flows import gotext

Schema: TypeAlias = "Mapping[str, pl.DataType]"

_ODD = "\x1f"
HIDDEN = "\x1e"
"""Columns with this prefix are the engine's own: no stage or writer sees them as fields."""

ORIGIN = HIDDEN + "origin"
"""UInt32: the row a flow was in before a flatten; the rows of one flow share it."""

NUMBER = HIDDEN + "number"
"""UInt64: the number of the message a flow came in; only there where a stage reads it."""

PART = HIDDEN + "part"
"""UInt32: the part of its batch a flow came in; only there where a batch has parts."""


@cache
def _null(dtype: pl.DataType) -> pl.Expr:
    return pl.lit(None, dtype=dtype)


def overflow(name: str) -> str:
    """Name of the overflow column (String, JSON text) of a field."""
    return _ODD + name


def is_overflow(column: str) -> bool:
    """Whether a column is an overflow column."""
    return column.startswith(_ODD)


def names(frame: pl.DataFrame) -> list[str]:
    """The fields of a frame, overflow columns included, in column order."""
    columns = (column for column in frame.columns if not column.startswith(HIDDEN))
    return list(dict.fromkeys(column.removeprefix(_ODD) for column in columns))


def known(schema: Schema, name: str) -> bool:
    """Whether any flow of the frame may have the field."""
    return name in schema or overflow(name) in schema


def present(schema: Schema, name: str) -> pl.Expr:
    """Boolean, never null: the flow has the field (an explicit null counts as present)."""
    parts = [pl.col(c).is_not_null() for c in (name, overflow(name)) if c in schema]
    return pl.any_horizontal(parts) if parts else pl.lit(False)


def text(schema: Schema, name: str) -> pl.Expr:
    """String: the field as the original prints it; null when absent or an explicit null.

    >>> flows = pl.DataFrame({"A": [1e6, None, None], overflow("A"): [None, "[1e6]", "null"]})
    >>> flows.select(text(flows.schema, "A")).to_series().to_list()
    ['1000000', '[1e+06]', None]
    """
    typed = _typed_text(name, schema[name]) if name in schema else _null(pl.String())
    if overflow(name) not in schema:
        return typed
    overflow_cell = pl.col(overflow(name))
    printed = distinct(overflow_cell, gotext.overflow_text, pl.String())
    return pl.coalesce(typed, pl.when(overflow_cell != "null").then(printed))


def string(schema: Schema, name: str) -> pl.Expr:
    """String: the field where it is a text, null otherwise (strict comparisons)."""
    typed = pl.col(name) if schema.get(name) == pl.String else _null(pl.String())
    return _with_overflow(schema, name, typed, _overflow_string, pl.String())


def numeric(schema: Schema, name: str) -> pl.Expr:
    """Float64: the field where it is a number, null otherwise (strict comparisons)."""
    dtype = schema.get(name)
    is_number = dtype is not None and dtype.is_numeric()
    typed = pl.col(name).cast(pl.Float64) if is_number else _null(pl.Float64())
    return _with_overflow(schema, name, typed, _overflow_numeric, pl.Float64())


def boolean(schema: Schema, name: str) -> pl.Expr:
    """Boolean: the field where it is one, null otherwise (strict comparisons)."""
    typed = pl.col(name) if schema.get(name) == pl.Boolean else _null(pl.Boolean())
    return _with_overflow(schema, name, typed, _overflow_boolean, pl.Boolean())


def number(schema: Schema, name: str) -> pl.Expr:
    """Float64: the field as a double; null when absent or not convertible.

    >>> flows = pl.DataFrame({"A": ["1e3", "x", None]})
    >>> flows.select(number(flows.schema, "A")).to_series().to_list()
    [1000.0, None, None]
    """
    dtype = schema.get(name)
    typed = _null(pl.Float64())
    if dtype is not None and dtype.is_numeric():
        typed = pl.col(name).cast(pl.Float64)
    elif dtype == pl.String:
        typed = distinct(pl.col(name), gotext.parse_float, pl.Float64())
    return _with_overflow(schema, name, typed, gotext.overflow_number, pl.Float64())


def integer(schema: Schema, name: str) -> pl.Expr:
    """Float64 holding an integer: numbers truncated toward zero, texts only decimal integers.

    >>> flows = pl.DataFrame({"A": [-1.5, 2.0], "B": ["7", "7.0"]})
    >>> flows.select(integer(flows.schema, "A"), integer(flows.schema, "B")).rows()
    [(-1.0, 7.0), (2.0, None)]
    """
    dtype = schema.get(name)
    typed = _null(pl.Float64())
    if dtype is not None and dtype.is_integer():
        typed = pl.col(name).cast(pl.Float64)
    elif dtype is not None and dtype.is_float():
        typed = pl.col(name).truncate()
    elif dtype == pl.String:
        typed = distinct(pl.col(name), gotext.parse_integer, pl.Float64())
    return _with_overflow(schema, name, typed, _overflow_integer, pl.Float64())


def cell(schema: Schema, name: str) -> pl.Expr:
    """String: the field as JSON text, null when absent (an explicit null reads `null`)."""
    typed = json_text(name, schema[name]) if name in schema else _null(pl.String())
    return pl.coalesce(typed, pl.col(overflow(name))) if overflow(name) in schema else typed


def put(frame: pl.DataFrame, name: str, values: pl.Series | pl.Expr) -> pl.DataFrame:
    """Write a field where `values` is not null; other rows keep what they had.

    Where the type of `values` differs from the column's, the column takes the new type and the
    values it had move to the overflow column.

    >>> flows = put(pl.DataFrame({"A": [1, 2]}), "A", pl.Series(["x", None]))
    >>> flows["A"].to_list(), flows[overflow("A")].to_list()
    (['x', None], [None, '2'])
    """
    fresh = frame.with_columns(values.alias(name))[name]  # a constant gets the frame's height
    schema = frame.schema
    if name not in schema and overflow(name) not in schema:
        return frame.with_columns(fresh)
    written = fresh.is_not_null()
    if schema.get(name, fresh.dtype) == fresh.dtype:
        kept = pl.coalesce(fresh, pl.col(name)) if name in schema else pl.lit(fresh)
        overflow_kept = pl.col(overflow(name)) if overflow(name) in schema else None
    else:
        kept = pl.lit(fresh)
        overflow_kept = cell(schema, name)
    columns = [kept.alias(name)]
    if overflow_kept is not None:
        columns.append(pl.when(~pl.lit(written)).then(overflow_kept).alias(overflow(name)))
    return frame.with_columns(columns)


def part(schema: Collection[str]) -> list[str]:
    """The column PART, where a batch has parts."""
    return [PART] if PART in schema else []


def column(flows: pl.DataFrame, expr: pl.Expr) -> pl.Series:
    """What an expression is for each flow, also where it is the same constant for all.

    >>> column(pl.DataFrame({"A": [1, 2]}), string({"A": pl.Int64()}, "A")).to_list()
    [None, None]
    """
    found = flows.select(expr).to_series()
    return found if len(found) == flows.height else found.new_from_index(0, flows.height)


def materialized(frame: pl.DataFrame) -> pl.DataFrame:
    """The same frame with each column in full.

    Polars keeps a constant as one value, and what is computed of constants alone has one row.
    """
    return pl.DataFrame(frame.get_columns()) if frame.width else frame


def put_null(frame: pl.DataFrame, name: str, where: pl.Expr) -> pl.DataFrame:
    """Make the field an explicit null in the rows of `where` (Boolean).

    >>> flows = put_null(pl.DataFrame({"A": [1, 2]}), "A", pl.col("A") == 2)
    >>> flows["A"].to_list(), flows[overflow("A")].to_list()
    ([1, None], [None, 'null'])
    """
    schema = frame.schema
    mask = frame.with_columns(where.alias(HIDDEN))[HIDDEN]  # a constant gets the frame's height
    if not mask.any():
        return frame
    if name in schema:
        frame = frame.with_columns(pl.when(~pl.lit(mask)).then(pl.col(name)).alias(name))
    old = pl.col(overflow(name)) if overflow(name) in schema else _null(pl.String())
    return frame.with_columns(
        pl.when(pl.lit(mask)).then(pl.lit("null")).otherwise(old).alias(overflow(name))
    )


def drop(frame: pl.DataFrame, *fields: str) -> pl.DataFrame:
    """The frame without these fields and their overflow columns."""
    gone = [c for field in fields for c in (field, overflow(field)) if c in frame.columns]
    return frame.drop(gone)


def only(frame: pl.DataFrame, fields: Collection[str]) -> pl.DataFrame:
    """The frame with these fields and their overflow columns alone, as far as it has them.

    A frame without a column has as many rows as before, which a selection of none would not.

    >>> only(pl.DataFrame({"A": [1, 2]}), ["B"]).shape
    (2, 0)
    """
    return frame.drop(c for c in frame.columns if c.removeprefix(_ODD) not in fields)


def concat(frames: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """The rows of all frames, one after the other.

    Where frames hold a field as different types, numbers widen; otherwise the first frame's type
    stays and what the others hold moves to the overflow column.

    >>> flows = concat([pl.DataFrame({"A": [1]}), pl.DataFrame({"A": ["x"]})])
    >>> flows["A"].to_list(), flows[overflow("A")].to_list()
    ([1, None], [None, '"x"'])
    """
    kept: dict[str, pl.DataType] = {}
    for frame in frames:
        for name, dtype in frame.schema.items():
            kept.setdefault(name, dtype)
    alike = [_as(frame, kept) for frame in frames]
    return pl.concat(alike, how="diagonal_relaxed")


def distinct(expr: pl.Expr, function: Callable[[Any], object], dtype: pl.DataType) -> pl.Expr:
    """`function` over the distinct values of an expression; nulls stay null."""

    def convert(column: pl.Series) -> pl.Series:
        keys = column.drop_nulls().unique()
        found = pl.Series([function(key) for key in keys.to_list()], dtype=dtype)
        return column.replace_strict(keys, found, default=None, return_dtype=dtype)

    return expr.map_batches(convert, return_dtype=dtype, is_elementwise=True)


def json_text(name: str, dtype: pl.DataType) -> pl.Expr:
    """String: a typed column as JSON text; null stays null."""
    encoded = pl.struct(pl.col(name).alias("v")).struct.json_encode().str.slice(5).str.head(-1)
    if isinstance(dtype, pl.List) and isinstance(dtype.inner, pl.Struct):
        encoded = distinct(encoded, _without_nulls, pl.String())
    return pl.when(pl.col(name).is_not_null()).then(encoded)


def _as(frame: pl.DataFrame, kept: Schema) -> pl.DataFrame:
    """The frame, columns that cannot join one of the kept type moved to overflow columns.

    Polars forgets the rows of a frame without columns beside one that has some.
    """
    if kept and not frame.width:
        name, dtype = next(iter(kept.items()))
        return frame.with_columns(pl.repeat(None, frame.height, dtype=dtype).alias(name))
    schema = frame.schema
    other = [name for name, dtype in schema.items() if not _joins(dtype, kept[name])]
    cells = [cell(schema, name).alias(overflow(name)) for name in other]
    return frame.with_columns(cells).drop(other)


def _joins(dtype: pl.DataType, kept: pl.DataType) -> bool:
    if isinstance(dtype, pl.List) and isinstance(kept, pl.List):
        return _joins(dtype.inner, kept.inner)  # type: ignore[arg-type] # instances in a schema
    structs = isinstance(dtype, pl.Struct) and isinstance(kept, pl.Struct)
    return dtype == kept or structs or (dtype.is_numeric() and kept.is_numeric())


def _typed_text(name: str, dtype: pl.DataType) -> pl.Expr:
    column = pl.col(name)
    if dtype == pl.String:
        return column
    if dtype.is_float():
        # as texts, since 0.0 and -0.0 are equal
        return distinct(column.cast(pl.String), _plain, pl.String())
    inner = dtype.inner if isinstance(dtype, pl.List) else None
    if inner == pl.String or (isinstance(inner, pl.DataType) and inner.is_integer()):
        joined = column.cast(pl.List(pl.String)).list.join(" ", ignore_nulls=False)
        return pl.when(column.is_not_null()).then(pl.format("[{}]", joined))
    if dtype.is_nested():
        return distinct(json_text(name, dtype), gotext.overflow_text, pl.String())
    return column.cast(pl.String)


def _with_overflow(
    schema: Schema,
    name: str,
    typed: pl.Expr,
    of_overflow: Callable[[str], object],
    dtype: pl.DataType,
) -> pl.Expr:
    if overflow(name) not in schema:
        return typed
    return pl.coalesce(typed, distinct(pl.col(overflow(name)), of_overflow, dtype))


def _plain(number: str) -> str:
    return gotext.plain(float(number))


def _overflow_string(json_text: str) -> str | None:
    return str(msgspec.json.decode(json_text)) if json_text.startswith('"') else None


def _overflow_numeric(json_text: str) -> float | None:
    value = gotext.decode_overflow(json_text)
    return value if isinstance(value, float) else None


def _overflow_boolean(json_text: str) -> bool | None:
    return {"true": True, "false": False}.get(json_text)


def _overflow_integer(json_text: str) -> int | None:
    value = gotext.decode_overflow(json_text)
    if isinstance(value, float):
        return int(value)
    return gotext.parse_integer(value) if isinstance(value, str) else None


def _without_nulls(json_text: str) -> str:
    """List elements that are objects, without the keys the batch's other objects brought."""
    items = msgspec.json.decode(json_text)
    if items is None:
        return json_text
    pruned = [
        {k: v for k, v in item.items() if v is not None} if isinstance(item, dict) else item
        for item in items
    ]
    return msgspec.json.encode(pruned).decode()
