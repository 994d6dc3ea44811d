"""Values of groups over a window of time (docs/reference/flowlogs-pipeline.md#timebased)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl
from msgspec import Meta, Struct

from pipeline import limits
from pipeline.diagnostics import Problem
from pipeline.flows import values
from pipeline.stage import BuildContext, Change, Example, Fields, Memory, StatefulTransform, Stepped
from pipeline.stage.duration import Duration, seconds

_RULE, _VALUE, _TIME = ":rule", ":value", ":time"
_RESULT = values.HIDDEN + "result"
_Mask = npt.NDArray[np.bool_]


class Operation(StrEnum):
    """What is said of the values in a window."""

    SUM = "sum"
    AVG = "avg"
    MIN = "min"
    MAX = "max"
    COUNT = "count"
    DIFF = "diff"
    LAST = "last"


_OVER = {
    Operation.SUM: pl.Expr.sum,
    Operation.AVG: pl.Expr.mean,
    Operation.MIN: pl.Expr.min,
    Operation.MAX: pl.Expr.max,
    Operation.COUNT: pl.Expr.count,
    Operation.LAST: pl.Expr.last,
}


class Rule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Flows by the fields `by`, and `operation` over the field `value` in the last `window`.

    `top` groups with the highest values are reported, or with the lowest when `reversed`; 0: all.
    """

    name: Annotated[str, Meta(min_length=1)]
    by: Annotated[list[str], Meta(min_length=1)]
    operation: Operation
    value: Annotated[str, Meta(min_length=1)]
    top: Annotated[int, Meta(ge=0)] = 0
    reversed: bool = False
    window: Duration = "10s"


class Timebased(StatefulTransform, frozen=True, kw_only=True, tag="timebased"):
    """Report after each batch what groups of flows were like in a window of time.

    A record has the `name` of its rule, `index_key` (the fields of the group), `operation`, the
    result under the name of the field `value`, and the fields of the group as texts. A flow that
    lacks a field of `by`, or has an empty one, is left out by that rule; one whose `value` is not a
    number is rejected. Times are those of processing. Groups without a flow in the window are
    forgotten. At most `max_flows` are kept: beyond that the oldest are left out of their windows.
    Because it reports after each batch, what comes out depends on the batches. Over Kafka each
    partition has groups of its own.
    """

    example: ClassVar[Example] = Example(
        config="""
            - name: top
              type: timebased
              follows: flows
              rules: [{name: top, by: [SrcAddr], operation: sum, value: Bytes, top: 1}]
        """,
        flows="""
            {"SrcAddr": "10.0.0.7", "Bytes": 60}
            {"SrcAddr": "10.0.0.9", "Bytes": 50}
            {"SrcAddr": "10.0.0.9", "Bytes": 50}
        """,
        output="""
            {"name": "top", "index_key": "SrcAddr", "operation": "sum", "Bytes": 100,
             "SrcAddr": "10.0.0.9"}
        """,
    )

    rules: Annotated[list[Rule], Meta(min_length=1)]
    max_flows: Annotated[int, Meta(ge=1)] = 1_000_000

    def reads(self) -> Fields:
        return frozenset(name for rule in self.rules for name in (*rule.by, rule.value))

    def makes(self) -> tuple[Fields, bool]:
        own = {"name", "index_key", "operation"}
        return self.reads() | own, False

    def check(self, folder: Path) -> Iterator[Problem]:
        for index, rule in enumerate(self.rules):
            if rule.value in rule.by:
                yield Problem(("rules", index, "value"), f'"{rule.value}" is a field of the group')

    def build(self, context: BuildContext) -> Windows:
        return Windows(self.rules, self.max_flows)


class _Part(NamedTuple):
    """The flows of a batch that belong to groups of a rule: the group as texts, and the value."""

    rule: Rule
    place: int
    came: pl.DataFrame


class Windows:
    """What the stage does with a batch."""

    idle = math.inf

    def __init__(self, rules: list[Rule], most: int) -> None:
        self._rules = rules
        self._most = most
        self._windows = np.array([seconds(rule.window) for rule in rules])

    def begin(self) -> Memory:
        """No flow."""
        return Memory({_RULE: "i8", _VALUE: "f8", _TIME: "f8"})

    def step(self, flows: pl.DataFrame, memory: Memory, now: float) -> Stepped:
        """The records of all groups with a flow in their window; none when no flow has come."""
        time, rejected = memory.time(now), self._rejected(flows)
        sound = pl.Series(np.setdiff1d(np.arange(flows.height), rejected), dtype=pl.UInt32)
        kept = flows[sound] if rejected else flows
        parts = [_Part(rule, n, _came(rule, kept)) for n, rule in enumerate(self._rules)]
        since = time - self._windows[memory.values(_RULE)]
        inside = memory.live & (memory.values(_TIME) >= since)
        added = pl.concat([_added(part, time) for part in parts], how="diagonal")
        evicted = self._evict(inside, added.height)
        added = added.tail(self._most)
        gone = np.flatnonzero(memory.live & ~inside)
        names = [_RULE, _VALUE, _TIME]
        none = {name: memory.values(name)[:0] for name in names}
        new = {name: added[name].to_numpy() for name in names}
        change = Change(now, gone[:0], none, gone, added.drop(names), new)
        found = [_records(part, memory, inside) for part in parts] if kept.height else []
        filled = [frame for frame in found if frame.height]
        return Stepped(
            values.concat(filled) if filled else flows.clear(),
            change,
            measures=[("timebased_evicted", evicted, ())] if evicted else [],
            rejected=[(row, "the flow does not have its value") for row in rejected],
        )

    def _rejected(self, flows: pl.DataFrame) -> list[int]:
        """The rows of flows that belong to a group, and have no value."""
        lacks = [
            _belongs(flows.schema, rule) & values.cell(flows.schema, rule.value).is_null()
            for rule in self._rules
        ]
        found = flows.with_columns(pl.any_horizontal(lacks).alias(_RESULT))[_RESULT]
        return found.head(flows.height).arg_true().to_list()

    def _evict(self, inside: _Mask, added: int) -> int:
        """Leave the oldest flows out, in place, when there are too many; how many were left out."""
        rows = np.flatnonzero(inside)
        beyond = max(0, len(rows) + added - self._most)
        inside[rows[:beyond]] = False
        if beyond:
            limits.reached(
                f"{self._most:,} flows in windows", "the oldest leave their windows early"
            )
        return beyond


def _belongs(schema: values.Schema, rule: Rule) -> pl.Expr:
    texts = [values.text(schema, name).fill_null("") != "" for name in rule.by]
    return pl.all_horizontal(texts)


def _came(rule: Rule, flows: pl.DataFrame) -> pl.DataFrame:
    texts = [values.text(flows.schema, name).alias(f"k{n}") for n, name in enumerate(rule.by)]
    number = values.number(flows.schema, rule.value).fill_nan(None).alias(_VALUE)
    belongs = _belongs(flows.schema, rule).alias(_RESULT)
    chosen = flows.with_columns([*texts, number, belongs]).head(flows.height)
    return chosen.filter(_RESULT).select([*_names(rule), _VALUE])


def _added(part: _Part, time: float) -> pl.DataFrame:
    return part.came.with_columns(
        pl.lit(part.place, pl.Int64).alias(_RULE),
        pl.col(_VALUE).fill_null(math.nan),
        pl.lit(time).alias(_TIME),
    )


def _records(part: _Part, memory: Memory, inside: _Mask) -> pl.DataFrame:
    """A record of each group of a rule, in the order they came, or the top ones in theirs."""
    rule, names = part.rule, _names(part.rule)
    rows = np.flatnonzero(inside & (memory.values(_RULE) == part.place))
    window = part.came
    if len(rows):
        held = pl.Series(_VALUE, memory.values(_VALUE)[rows]).fill_nan(None)
        window = pl.concat([memory.rows(rows).select(*names, held), window])
    found = window.group_by(names, maintain_order=True).agg(_result(rule).alias(_RESULT))
    if rule.top:
        descending = not rule.reversed
        found = found.sort(_RESULT, descending=descending, maintain_order=True).head(rule.top)
    fields = {
        "name": pl.lit(rule.name),
        "index_key": pl.lit(",".join(rule.by)),
        "operation": pl.lit(str(rule.operation)),
        rule.value: pl.col(_RESULT).cast(pl.Float64),
        **{name: pl.col(f"k{n}") for n, name in enumerate(rule.by)},
    }
    return found.select(expr.alias(name) for name, expr in fields.items())


def _result(rule: Rule) -> pl.Expr:
    """The operation over the values that are numbers; 0 where there is none."""
    numbers = pl.col(_VALUE).drop_nulls()
    if rule.operation is Operation.DIFF:
        return (numbers.last() - numbers.first()).fill_null(0.0)
    return _OVER[rule.operation](numbers).fill_null(0.0)


def _names(rule: Rule) -> list[str]:
    return [f"k{n}" for n in range(len(rule.by))]
