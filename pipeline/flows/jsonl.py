"""Flows as JSON text: what is published, printed or kept as a dead letter.

A value is written the same way whichever column it is in (docs/reference/decoding.md#to-json).
"""

from __future__ import annotations

from itertools import chain, groupby
from typing import TypeAlias

import msgspec
import numpy as np
import polars as pl

from pipeline.flows import gotext, values

Parts: TypeAlias = "list[str | pl.Expr]"
"""Texts and columns that are written one after the other."""


def json_lines(flows: pl.DataFrame) -> list[str]:
    """Each flow as one JSON object, keys sorted, absent fields left out."""
    return json_column(flows).to_list()


def json_column(flows: pl.DataFrame) -> pl.Series:
    """String: each flow as one JSON object, as above."""
    absent = [column.name for column in flows if column.null_count() == flows.height]
    present = flows.drop(absent)
    names = sorted(values.names(present))
    if not names:
        return pl.repeat("{}", flows.height, dtype=pl.String, eager=True)
    schema = present.schema  # taken once: each time, it is made of all columns
    full = [name for name in names if name in schema and not present[name].has_nulls()]
    fields = {name: _field(present, schema, name) for name in names}
    line = _around(fields, full) if full else _separated(fields)
    return present.select(line).to_series()


def _around(fields: dict[str, Parts], full: list[str]) -> pl.Expr:
    """The object; in all flows are the fields `full`.

    The first of these has the other fields around it, which bring their commas with them. Those
    between two of `full` are one text first, so that the object is made of texts that all flows
    have.
    """
    parts: Parts = ["{"]
    for in_all, names in groupby(fields, set(full).__contains__):
        run = [_with_comma(fields[name], name, full[0]) for name in names]
        parts += chain.from_iterable(run) if in_all else [_those_there(run)]
    return _text([*parts, "}"])


def _with_comma(field: Parts, name: str, middle: str) -> Parts:
    """The field with a comma towards the one in the middle."""
    return ["," if name > middle else "", *field, "," if name < middle else ""]


def _those_there(fields: list[Parts]) -> pl.Expr:
    """String: the fields that a flow has, one after the other, "" if it has none of them."""
    return pl.concat_str([_text(field) for field in fields], ignore_nulls=True)


def _separated(fields: dict[str, Parts]) -> pl.Expr:
    """The object, where no field is in all flows."""
    texts = [_text(field) for field in fields.values()]
    return _text(["{", pl.concat_str(texts, separator=",", ignore_nulls=True), "}"])


def _text(parts: Parts) -> pl.Expr:
    """String: the parts one after the other; null where one is."""
    pieces: list[pl.Expr] = []
    fixed = ""
    for part in parts:
        if isinstance(part, str):
            fixed += part
        else:
            pieces += [pl.lit(fixed), part]
            fixed = ""
    return pl.concat_str([*pieces, pl.lit(fixed)])


def _field(flows: pl.DataFrame, schema: values.Schema, name: str) -> Parts:
    """The field with its name: a part is null when it is absent."""
    key = msgspec.json.encode(name).decode() + ":"
    if values.overflow(name) not in schema:
        if schema[name].is_integer():
            return [key, pl.col(name)]
        if schema[name] == pl.String and not _escapes(flows[name]):
            return [key + '"', pl.col(name), '"']
    return [key, _written(schema, name)]


def _escapes(texts: pl.Series) -> bool:
    """Whether JSON has an escape for any character of these texts."""
    array = texts.to_arrow(compat_level=pl.CompatLevel.oldest())
    data = np.frombuffer(array.buffers()[2], np.uint8)
    return bool(((data < ord(" ")) | (data == ord('"')) | (data == ord("\\"))).any())


def _written(schema: values.Schema, name: str) -> pl.Expr:
    """String: the field as JSON text, null when absent."""
    cell = values.cell(schema, name)
    if values.overflow(name) not in schema and _is_written_as_go_does(schema[name]):
        return cell
    return values.distinct(cell, gotext.json_rewritten, pl.String())


def _is_written_as_go_does(dtype: pl.DataType) -> bool:
    """Whether Polars writes such a column as Go does: it has no doubles and no objects."""
    while isinstance(dtype, pl.List) and isinstance(dtype.inner, pl.DataType):
        dtype = dtype.inner
    return not (dtype.is_float() or dtype.is_nested())
