"""Flows for the tests of stages: frames from plain dictionaries, golden cases, the two laws."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import polars as pl
import yaml

from pipeline import fields, values
from pipeline.records import json_lines
from pipeline.stage import Step

GOLDEN = Path(__file__).parents[1] / "golden"
Flow = Mapping[str, Any]


def frame(flows: Sequence[Flow]) -> pl.DataFrame:
    """Flows in the value model: catalogue types, unknown fields as text or number, odd cells."""
    names = dict.fromkeys(name for flow in flows for name in flow)
    columns: dict[str, pl.Series] = {"row": pl.Series(range(len(flows)), dtype=pl.Int64)}
    for name in names:
        known = fields.dtype_of(name)
        dtype = known or _natural([flow[name] for flow in flows if name in flow])
        typed = [_typed(flow.get(name), dtype) for flow in flows]
        columns[name] = pl.Series(typed, dtype=dtype)
        odd = [
            msgspec.json.encode(flow[name]).decode() if name in flow and cell is None else None
            for flow, cell in zip(flows, typed, strict=True)
        ]
        if any(odd):
            columns[values.odd(name)] = pl.Series(odd, dtype=pl.String)
    return pl.DataFrame(columns)


def plain(flows: pl.DataFrame) -> list[dict[str, Any]]:
    """A frame as plain dictionaries, explicit nulls left out as the original's JSON reader does."""
    decoded = (json.loads(line) for line in json_lines(flows.drop("row", strict=False)))
    return [{k: v for k, v in flow.items() if v is not None} for flow in decoded]


def run(step: Step, flows: Sequence[Flow]) -> list[dict[str, Any]]:
    """What a step makes of flows."""
    return plain(step(frame(flows)))


def lines(case: str, name: str) -> list[dict[str, Any]]:
    """The JSON lines of a golden case's file."""
    return [json.loads(line) for line in (GOLDEN / case / name).read_text().splitlines() if line]


def rules(case: str) -> Iterator[dict[str, Any]]:
    """The rules of a golden case's network stages, in order, with the stage's other settings."""
    config = yaml.safe_load((GOLDEN / case / "config.yaml").read_text())
    for parameter in config["parameters"]:
        network = parameter.get("transform", {}).get("network", {})
        for rule in network.get("rules", []):
            yield {**network, **rule}


def obeys_laws(step: Step, flows: pl.DataFrame, cut: int) -> None:
    """Splitting a batch changes nothing; order within a batch is kept."""
    whole = step(flows)
    parts = [step(part) for part in (flows.head(cut), flows.tail(flows.height - cut))]
    assert plain(whole) == [flow for part in parts for flow in plain(part)]
    assert whole["row"].to_list() == flows["row"].to_list()


def _natural(found: list[object]) -> pl.DataType:
    if found and all(isinstance(value, bool) for value in found):
        return pl.Boolean()
    if any(isinstance(value, (int, float)) for value in found):
        return pl.Float64()
    return pl.String()


def _typed(value: object, dtype: pl.DataType) -> object:
    """The value if the type holds it, else None."""
    if value is None:
        return None
    if isinstance(value, list):
        fits = dtype == pl.List(pl.String) and all(isinstance(item, str) for item in value)
        return value if fits else None
    if isinstance(value, str):
        return value if dtype == pl.String else None
    if isinstance(value, bool):
        return value if dtype == pl.Boolean else None
    whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    fits = dtype.is_float() or (dtype.is_integer() and whole)
    return value if fits else None
