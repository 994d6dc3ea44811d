"""For the tests of stages: flows as frames and back, and the two laws every stage keeps.

The laws: splitting a batch changes nothing, and flows stay in order.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from random import Random
from typing import Any

import polars as pl

from pipeline.flows import catalogue, values
from pipeline.stage import (
    BuildContext,
    Encoder,
    Spec,
    StatefulTransform,
    Step,
    Transform,
    Writer,
)
from pipeline.state.ledger import Ledger
from pipeline.state.series_rows import TIMES

Flow = dict[str, Any]
"""A flow as JSON has it: values by field."""
PLACE = "n"
"""The field in which `assert_laws` numbers the flows."""


def frame(flows: Sequence[Flow], first: int = 0) -> pl.DataFrame:
    """Flows as a decoder gives them to a stage; the messages are numbered from `first` on.

    A value that does not fit the type of its field is in the overflow column, as is an explicit
    null (None).
    """
    names = dict.fromkeys(name for flow in flows for name in flow)
    columns = [column for name in names for column in _columns(name, flows)]
    return numbered(pl.DataFrame(height=len(flows)).with_columns(columns), first)


def numbered(flows: pl.DataFrame, first: int = 0) -> pl.DataFrame:
    """A frame with the number of each flow's message (one flow a message), as a plan gives it."""
    numbers = pl.int_range(first, first + flows.height, dtype=pl.UInt64, eager=True)
    return flows.with_columns(numbers.alias(values.NUMBER))


def rows(flows: pl.DataFrame) -> list[dict[str, Any]]:
    """The flows of a frame as JSON has them: an explicit null is None, absent fields are absent."""
    names = values.names(flows)
    cells = flows.select(values.cell(flows.schema, name).alias(name) for name in names)
    if not names:
        return [{}] * flows.height
    return [
        {name: json.loads(text) for name, text in row.items() if text is not None}
        for row in cells.iter_rows(named=True)
    ]


def run(
    stage: Transform | Step, flows: Sequence[Flow], context: BuildContext | None = None
) -> list[dict[str, Any]]:
    """What a transform, or a step that is already built, makes of flows in one batch."""
    return rows(_step(stage, context)(frame(flows)))


def assert_laws(
    stage: Spec | Step,
    flows: Sequence[Mapping[str, Any]],
    *cuts: int,
    context: BuildContext | None = None,
) -> None:
    """Assert both laws on flows: in one batch, and cut before each of the positions `cuts`.

    Each flow gets its number as the field `n`, which the stage must not write. Raises
    AssertionError.
    """
    whole = [{PLACE: number, **flow} for number, flow in enumerate(flows)]
    bounds = [0, *sorted(min(cut, len(whole)) for cut in cuts), len(whole)]
    parts = [frame(whole[start:end], start) for start, end in pairwise(bounds)]
    assert_split(stage, frame(whole), parts, context)


def assert_split(
    stage: Spec | Step,
    whole: pl.DataFrame,
    parts: Sequence[pl.DataFrame],
    context: BuildContext | None = None,
    place: str = PLACE,
) -> None:
    """Assert both laws on a frame and the same flows in parts; both have numbers (`numbered`).

    `place` is a field that ascends from flow to flow. Raises AssertionError.
    """
    one, several = (list(answers(stage, batches, context)) for batches in ([whole], parts))
    if one != several:
        raise AssertionError(f"in one batch: {one}; in {len(parts)} batches: {several}")
    places = [flow[place] for flow in one if isinstance(flow, dict) and place in flow]
    if places != sorted(places):
        raise AssertionError(f"flows are out of order: {places}")


def answers(
    stage: Spec | Step, batches: Sequence[pl.DataFrame], context: BuildContext | None = None
) -> Iterator[Any]:
    """What a stage, built once, makes of batches: flows, records, or the ledger at the end."""
    seeded = replace(context or BuildContext(), random=Random(0))
    if isinstance(stage, Encoder):
        yield from _counted(stage, batches, seeded)
    elif isinstance(stage, Writer):
        write = stage.build(seeded)
        for batch in batches:
            written = write(batch)
            yield from rows(written) if isinstance(written, pl.DataFrame) else written
    elif isinstance(stage, StatefulTransform):
        yield from _remembered(stage, batches, seeded)
    else:
        step = _step(stage, seeded)
        for batch in batches:
            yield from rows(step(batch))


def _remembered(
    stage: StatefulTransform, batches: Sequence[pl.DataFrame], context: BuildContext
) -> Iterator[Any]:
    """What comes out of batches that arrive at one moment."""
    built = stage.build(context)
    memory = built.begin()
    for batch in batches:
        stepped = built.step(batch, memory, 0.0)
        memory.adopt(stepped.change)
        yield from rows(stepped.flows)


def _counted(
    stage: Encoder, batches: Sequence[pl.DataFrame], context: BuildContext
) -> Iterator[Any]:
    """The ledger after all batches, then how many flows were filtered, and what was rejected."""
    ledger = Ledger({family.name: (family, stage.policy()) for family in stage.families()})
    encode = stage.build(context)
    filtered, rejected = 0, list[tuple[str, ...]]()
    for batch in batches:
        encoded = encode(batch)
        ledger.merge(encoded.deltas, 1.0)
        filtered += encoded.filtered
        rejected += [tuple(map(str, value[1:])) for value in encoded.rejected]
    for table in ledger.tables():
        yield str(table.series().drop(TIMES).rows())  # as text: NaN equals no NaN
    yield filtered, sorted(rejected)


def _step(stage: Spec | Step, context: BuildContext | None) -> Step:
    if isinstance(stage, Transform):
        return stage.build(context or BuildContext(random=Random(0)))
    if isinstance(stage, Spec):
        raise TypeError(f"{type(stage).__qualname__} is not a transform")
    return stage


def _columns(name: str, flows: Sequence[Flow]) -> list[pl.Series]:
    """The typed column of a field, and its overflow column where there is need of one."""
    dtype = catalogue.dtype_of(name) or _guess([flow[name] for flow in flows if name in flow])
    typed = [flow.get(name) if _fits(flow.get(name), dtype) else None for flow in flows]
    rest = [
        json.dumps(flow[name]) if name in flow and cell is None else None
        for flow, cell in zip(flows, typed, strict=True)
    ]
    columns = [pl.Series(name, typed, dtype=dtype)]
    if any(rest):
        columns.append(pl.Series(values.overflow(name), rest, dtype=pl.String))
    return columns


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
