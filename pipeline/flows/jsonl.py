"""Flows as JSON text: what is published, printed or kept as a dead letter."""

from __future__ import annotations

import msgspec
import polars as pl

from pipeline.flows import values


def json_lines(flows: pl.DataFrame) -> list[str]:
    """Each flow as one JSON object, keys sorted, absent fields left out."""
    names = sorted(values.names(flows))
    if not names:
        return ["{}"] * flows.height
    cells = [
        pl.concat_str(
            pl.lit(msgspec.json.encode(name).decode() + ":"), values.cell(flows.schema, name)
        )
        for name in names
    ]
    joined = pl.concat_str(cells, separator=",", ignore_nulls=True)
    lines = flows.select((pl.lit("{") + joined + pl.lit("}")).alias("line"))
    return lines["line"].to_list()
