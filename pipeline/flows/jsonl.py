"""Flows as JSON text: what is published, printed or kept as a dead letter."""

from __future__ import annotations

import msgspec
import polars as pl

from pipeline.flows import values

_PLAIN = 1e21
"""Go writes whole numbers below it without an exponent."""


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
    """String: the field as JSON text; a whole number has no fraction, as Go writes it."""
    cell = values.cell(schema, name).str.replace(r"^(-?[0-9]{1,21})\.0$", "$1")
    if name not in schema or not schema[name].is_float():
        return cell
    whole = (pl.col(name).round() == pl.col(name)) & (pl.col(name).abs() < _PLAIN)
    return pl.when(whole).then(values.text(schema, name)).otherwise(cell)
