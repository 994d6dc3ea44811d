"""Flows as JSON text: what is published, printed or kept as a dead letter.

A value is written the same way whichever column it is in (docs/reference/decoding.md#to-json).
"""

from __future__ import annotations

import msgspec
import polars as pl

from pipeline.flows import gotext, values


def json_lines(flows: pl.DataFrame) -> list[str]:
    """Each flow as one JSON object, keys sorted, absent fields left out."""
    names = sorted(values.names(flows))
    if not names:
        return ["{}"] * flows.height
    cells = [
        pl.concat_str(
            pl.lit(msgspec.json.encode(name).decode() + ":"), _written(flows.schema, name)
        )
        for name in names
    ]
    joined = pl.concat_str(cells, separator=",", ignore_nulls=True)
    lines = flows.select((pl.lit("{") + joined + pl.lit("}")).alias("line"))
    return lines["line"].to_list()


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
