"""How a built stage takes a frame: one runner for each role."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import polars as pl

from pipeline.flows.jsonl import json_lines
from pipeline.flows.values import PART
from pipeline.plan.outcome import Counts, Reject, StageResult
from pipeline.stage import Encode, Encoded, Memory, Stateful, Step, Write, Writer

Runner: TypeAlias = "Callable[[pl.DataFrame], StageResult]"


def transform(step: Step) -> Runner:
    """The runner of a transform: rows that do not come out were filtered."""

    def run(batch: pl.DataFrame) -> StageResult:
        result = step(batch)
        filtered = max(0, batch.height - result.height)
        return StageResult(Counts(batch.height, result.height, filtered), result)

    return run


def stateful(
    name: str, stage: Stateful, batch: pl.DataFrame, memory: Memory, now: float
) -> StageResult:
    """Run a stage that remembers: it says itself what was filtered, and may make more of flows."""
    flows, change, filtered, measures, rejected = stage.step(batch, memory, now)
    counts = Counts(batch.height, flows.height, filtered, len(rejected))
    lines = json_lines(batch[[row for row, _ in rejected]]) if rejected else []
    rejects = [
        Reject(name, reason, line.encode())
        for (_, reason), line in zip(rejected, lines, strict=True)
    ]
    return StageResult(counts, flows, rejects=rejects, change=change, measures=measures)


def each_part(encode: Encode) -> Encode:
    """An encoder that does not know of parts, over the flows of each part of a batch.

    Rejected values are at rows of their part.
    """

    def encode_parts(flows: pl.DataFrame) -> Encoded:
        if PART not in flows.columns or not flows.height:
            return encode(flows)
        found = [(own[PART][0], encode(own)) for own in flows.partition_by(PART)]
        return Encoded(
            [
                delta._replace(
                    series=delta.series.with_columns(pl.lit(part, pl.UInt32).alias(PART))
                )
                for part, encoded in found
                for delta in encoded.deltas
            ],
            sum(encoded.filtered for _, encoded in found),
            tuple(value for _, encoded in found for value in encoded.rejected),
        )

    return encode_parts


def encoder(name: str, encode: Encode, families: int) -> Runner:
    """The runner of an encoder: each flow comes in once for each of its families."""

    def run(batch: pl.DataFrame) -> StageResult:
        encoded = encode(batch)
        counts = Counts(
            flows_in=batch.height * families,
            filtered=encoded.filtered,
            rejected=len(encoded.rejected),
        )
        counts.flows_out = counts.flows_in - counts.filtered - counts.rejected
        rejects: list[Reject] = []
        if encoded.rejected:
            flows = json_lines(batch[[value.row for value in encoded.rejected]])
            rejects = [
                Reject(
                    name,
                    value.reason,
                    flow.encode(),
                    error=value.error,
                    metric=value.metric,
                    field=value.field,
                )
                for value, flow in zip(encoded.rejected, flows, strict=True)
            ]
        return StageResult(counts, deltas=encoded.deltas, rejects=rejects)

    return run


def writer(spec: Writer, write: Write) -> Runner:
    """The runner of a writer: its records go to its sink."""

    def run(batch: pl.DataFrame) -> StageResult:
        records = write(batch)
        return StageResult(Counts(batch.height, len(records)), records=[(spec, records)])

    return run
