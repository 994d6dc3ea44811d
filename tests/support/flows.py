"""Flows as plain dicts, to frames of the value model and back, and the two laws of a stage."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

import polars as pl

from pipeline.flows import catalogue, values
from pipeline.stage import BuildContext, Step, Transform

Flow = dict[str, Any]


def frame(flows: Sequence[Flow]) -> pl.DataFrame:
    """A frame as a decoder of JSON gives it; an explicit null stays one."""
    names = dict.fromkeys(name for flow in flows for name in flow)
    columns = [c for name in names for c in _columns(name, flows)]
    return pl.DataFrame(height=len(flows)).with_columns(columns)


def rows(flows: pl.DataFrame) -> list[Flow]:
    """The flows of a frame; numbers of any width compare equal."""
    cells = {name: values.cell(flows.schema, name).alias(name) for name in values.names(flows)}
    texts = flows.select(**cells) if cells else pl.DataFrame(height=flows.height)
    return [
        {name: json.loads(text) for name, text in row.items() if text is not None}
        for row in texts.iter_rows(named=True)
    ] or [{}] * flows.height


def run(stage: Transform, flows: Sequence[Flow], seed: int = 0) -> list[Flow]:
    """What a stage makes of flows in one batch."""
    return rows(stage.build(BuildContext(random=Random(seed)))(frame(flows)))


def assert_laws(stage: Transform | Step, flows: Sequence[Mapping[str, Any]], cut: int) -> None:
    """Two batches give what one gives; `n`, the number put into each flow, keeps its order."""
    numbered = [{"n": number, **flow} for number, flow in enumerate(flows)]
    first, second = _built(stage), _built(stage)
    whole = rows(first(frame(numbered)))
    parts = [second(frame(part)) for part in (numbered[:cut], numbered[cut:])]
    assert [flow for part in parts for flow in rows(part)] == whole
    order = [flow["n"] for flow in whole if "n" in flow]
    assert order == sorted(order)


def _built(stage: Transform | Step) -> Step:
    return stage.build(BuildContext(random=Random(0))) if isinstance(stage, Transform) else stage


def _columns(name: str, flows: Sequence[Flow]) -> list[pl.Series]:
    dtype = catalogue.dtype_of(name) or _guess([flow[name] for flow in flows if name in flow])
    typed = [flow.get(name) if _fits(flow.get(name), dtype) else None for flow in flows]
    odd = [
        json.dumps(flow[name]) if name in flow and kept is None else None
        for flow, kept in zip(flows, typed, strict=True)
    ]
    columns = [pl.Series(name, typed, dtype=dtype)]
    return (
        [*columns, pl.Series(values.overflow(name), odd, dtype=pl.String)] if any(odd) else columns
    )


def _guess(found: list[object]) -> pl.DataType:
    if found and all(isinstance(value, bool) for value in found):
        return pl.Boolean()
    return pl.Float64() if any(type(value) in {int, float} for value in found) else pl.String()


def _fits(value: object, dtype: pl.DataType) -> bool:
    if isinstance(value, bool) or value is None:
        return value is not None and dtype == pl.Boolean
    if isinstance(value, list):
        of_texts = all(isinstance(item, str) for item in value)
        of_numbers = all(type(item) is int for item in value)
        return (dtype == pl.List(pl.String) and of_texts) or (
            dtype == pl.List(pl.Int64) and of_numbers
        )
    if isinstance(value, str):
        return dtype == pl.String
    if isinstance(value, int) and dtype.is_integer():
        return pl.Series([value]).cast(dtype, strict=False).null_count() == 0
    return isinstance(value, (int, float)) and dtype.is_float()
