"""Expressions are made again for other columns, and for nothing else."""

import polars as pl

from pipeline.flows.prepared import prepared
from pipeline.flows.values import Schema


def test_made_once_for_the_same_columns() -> None:
    """Values do not matter; names, types and order do, and so does what else is given."""
    made: list[str] = []

    @prepared
    def sums(schema: Schema, name: str) -> list[pl.Expr]:
        made.append(f"{name}: {' '.join(f'{column} {dtype}' for column, dtype in schema.items())}")
        return [pl.sum_horizontal(list(schema)).alias(name)]

    flows = pl.DataFrame({"a": [1], "b": [2]})
    found = [
        frame.select(sums(frame, name)).to_dicts()
        for frame, name in (
            (flows, "n"),
            (flows.with_columns(a=pl.lit(2)).cast(pl.Int64), "n"),
            (flows, "m"),
            (flows.cast({"b": pl.Float64}), "n"),
            (flows.select("b", "a"), "n"),
        )
    ]
    assert found == [[{"n": 3}], [{"n": 4}], [{"m": 3}], [{"n": 3.0}], [{"n": 3}]]
    assert made == [
        "n: a Int64 b Int64",
        "m: a Int64 b Int64",
        "n: a Int64 b Float64",
        "n: b Int64 a Int64",
    ]
