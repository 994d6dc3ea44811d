"""A FlowMetric tried on flows: what each step lets through, and the series that come of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec
import polars as pl

from pipeline.flowmetric import FlowMetric
from pipeline.flowmetric.chain import Stage, metric_stages
from pipeline.flowmetric.resource import PREFIX
from pipeline.predicate.match import Match, MatchType, grouped
from pipeline.stage import (
    VALUE,
    BuildContext,
    BuiltStage,
    Delta,
    Encoder,
    RejectedValue,
    Transform,
    registry,
)

_FLOWS, _ROWS = "flows", "rows"
_WORDS = {
    MatchType.EQUAL: "is",
    MatchType.NOT_EQUAL: "is not",
    MatchType.PRESENCE: "is there",
    MatchType.ABSENCE: "is absent",
    MatchType.MATCH_REGEX: "matches",
    MatchType.NOT_MATCH_REGEX: "does not match",
}


class Step(NamedTuple):
    """A step of the way to a metric: rows in = out + filtered + rejected, but for a flatten.

    `what` says what it does, `example` why a row was rejected.
    """

    what: str
    rows_in: int
    rows_out: int
    filtered: int = 0
    rejected: int = 0
    example: str = ""


class Trial(NamedTuple):
    """What a metric gives on flows.

    `delta` has its series, `rows` how many rows each label set has (Float64, in no order).
    """

    steps: list[Step]
    delta: Delta
    rows: pl.Series


def trial(metric: FlowMetric, flows: pl.DataFrame) -> Trial:
    """Try a resource that is ready on a frame of flows."""
    *before, last = metric_stages(metric.metric(), _FLOWS, "trial", {"prefix": PREFIX})
    steps = []
    for stage in (one for each in before for one in _parts(each)):
        flows, step = _taken(stage, flows)
        steps.append(step)
    (item,) = last["metrics"]
    counting = {"name": _ROWS, "labels": item.get("labels", [])}
    encoder = _spec({**last, "metrics": [item, counting]})
    if not isinstance(encoder, Encoder):
        raise TypeError(f"{encoder.type} does not encode")
    encoded = encoder.build(BuildContext())(flows)
    delta, rows = encoded.deltas
    counted = flows.height - encoded.filtered - len(encoded.rejected)
    value = item.get("value", "")
    if encoded.filtered:
        steps.append(
            Step(f"has a {value}", flows.height, flows.height - encoded.filtered, encoded.filtered)
        )
    steps += _rejected(encoded.rejected, counted + len(encoded.rejected))
    return Trial(steps, delta, rows.series[VALUE])


def _parts(stage: Stage) -> Iterator[Stage]:
    """A filter as one for each of its fields, so that each says what it filters.

    Not after a flatten: what alternatives keep depends on all parts of a flow there.
    """
    if stage["type"] != "filter" or stage.get("flattened"):
        yield stage
        return
    for group in grouped(msgspec.convert(stage["match"], list[Match])):
        yield {**stage, "match": msgspec.to_builtins(group)}


def _taken(stage: Stage, flows: pl.DataFrame) -> tuple[pl.DataFrame, Step]:
    spec = _spec(stage)
    if not isinstance(spec, Transform):
        raise TypeError(f"{spec.type} does not transform")
    built = spec.build(BuildContext())
    step = built.step if isinstance(built, BuiltStage) else built
    result = step(flows)
    filtered = flows.height - result.height if stage["type"] == "filter" else 0
    return result, Step(_what(stage), flows.height, result.height, filtered)


def _spec(stage: Stage) -> Any:
    return msgspec.convert(stage, registry()[stage["type"]])


def _what(stage: Stage) -> str:
    match stage["type"]:
        case "filter":
            found = msgspec.convert(stage["match"], list[Match])
            return " and ".join(" or ".join(map(_condition, each)) for each in grouped(found))
        case "flatten":
            return f"a row for each part of {', '.join(stage['fields'])}"
        case _:
            return f"rename {', '.join(stage['map'])}"


def _condition(one: Match) -> str:
    value = f' "{one.value}"' if one.type not in {MatchType.PRESENCE, MatchType.ABSENCE} else ""
    return f"{one.field} {_WORDS[one.type]}{value}"


def _rejected(values: tuple[RejectedValue, ...], rows: int) -> Iterator[Step]:
    """A step for each kind of fault, with an example."""
    faults = Counter(value.error for value in values)
    for error, number in sorted(faults.items()):
        first = next(value for value in values if value.error == error)
        yield Step(error, rows, rows - number, rejected=number, example=first.reason)
        rows -= number
