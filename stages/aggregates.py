"""Groups of flows and their running values (docs/reference/flowlogs-pipeline.md#aggregates)."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl
from msgspec import Meta, Struct

from pipeline import limits
from pipeline.diagnostics import Problem
from pipeline.flows import gob_hash, values
from pipeline.stage import (
    BuildContext,
    Change,
    Example,
    Fields,
    Measure,
    Memory,
    StatefulTransform,
    Stepped,
)
from pipeline.stage.duration import Duration, seconds
from pipeline.stage.memory import KEY, Numbers

_RULE, _TOTAL, _COUNT, _SEEN = ":rule", ":total", ":count", ":seen"
_ROW, _NUMBER, _RAW = values.HIDDEN + "row", values.HIDDEN + "number of", "recent_raw_values"
_OWN = frozenset(
    {
        *("name", "operation_type", "operation_key", "by", "aggregate", "total_value"),
        *("total_count", "recent_op_value", "recent_count", _RAW),
    }
)
"""The fields of a record besides those of its group."""
_Doubles = npt.NDArray[np.float64]


class Operation(StrEnum):
    """How the values of a group make one."""

    SUM = "sum"
    MIN = "min"
    MAX = "max"
    AVG = "avg"
    COUNT = "count"
    RAW_VALUES = "raw_values"


_ADD = {
    Operation.SUM: np.add.at,
    Operation.MIN: np.minimum.at,
    Operation.MAX: np.maximum.at,
}


class Rule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Flows by the fields `by`, and `operation` over the field `value` of each group.

    A group of which no flow has come for `expiry` is forgotten.
    """

    name: Annotated[str, Meta(min_length=1)]
    by: Annotated[list[str], Meta(min_length=1)]
    operation: Operation
    value: str = ""
    expiry: Duration = "2m"


class Aggregates(StatefulTransform, frozen=True, kw_only=True, tag="aggregates"):
    """Group flows, and report every group after each batch.

    A record has the `name` of its rule, the fields of the group as texts, `total_value` and
    `total_count` since the group began, `recent_op_value` and `recent_count` of the batch alone,
    and with `raw_values` the values of the batch. A flow that lacks a field of `by` is left out by
    that rule; one without a number counts all the same. At most `max_groups` are kept: flows of
    others are left out, and counted in `aggregates_discarded`. A minimum begins with the greatest
    double, any other value with 0, as in the original. Because it reports after each batch, what
    comes out depends on the batches. Over Kafka each partition has groups of its own.
    """

    example: ClassVar[Example] = Example(
        config="""
            - name: groups
              type: aggregates
              follows: flows
              rules: [{name: bytes, by: [Proto], operation: sum, value: Bytes}]
        """,
        flows="""
            {"Proto": 6, "Bytes": 60}
            {"Proto": 6, "Bytes": 900}
        """,
        output="""
            {"name": "bytes", "operation_type": "sum", "operation_key": "Bytes", "by": "Proto",
             "aggregate": "6", "Proto": "6", "total_value": 960, "total_count": 2,
             "recent_op_value": 960, "recent_count": 2, "recent_raw_values": null}
        """,
    )

    rules: Annotated[list[Rule], Meta(min_length=1)]
    max_groups: Annotated[int, Meta(ge=1)] = 1_000_000

    def reads(self) -> Fields:
        return frozenset(name for rule in self.rules for name in (*rule.by, rule.value) if name)

    def makes(self) -> tuple[Fields, bool]:
        groups = {name for rule in self.rules for name in (*rule.by, "_".join(rule.by))}
        return _OWN | groups, False

    def check(self, folder: Path) -> Iterator[Problem]:
        for index, rule in enumerate(self.rules):
            if rule.operation is not Operation.COUNT and not rule.value:
                yield Problem(("rules", index), f'"{rule.operation}" needs a "value"')

    def build(self, context: BuildContext) -> Grouper:
        return Grouper(self.rules, self.max_groups)


class _Part(NamedTuple):
    """The groups of a rule that a batch is about: known ones by their `rows`, then new ones.

    `fixed` are the texts of the new ones. Values are of all of them; `raw` are lists.
    `discarded` flows are of groups for which there was no room.
    """

    rows: Numbers
    fixed: pl.DataFrame
    total: _Doubles
    number: _Doubles
    recent: _Doubles
    recent_number: _Doubles
    raw: pl.Series
    discarded: int


class Grouper:
    """What the stage does with a batch."""

    idle = math.inf

    def __init__(self, rules: list[Rule], most: int) -> None:
        self._rules = rules
        self._most = most
        self._expiry = np.array([seconds(rule.expiry) for rule in rules])

    def begin(self) -> Memory:
        """No group."""
        return Memory({_RULE: "i8", _TOTAL: "f8", _COUNT: "f8", _SEEN: "f8"})

    def step(self, flows: pl.DataFrame, memory: Memory, now: float) -> Stepped:
        """The records of all groups; none when no flow has come."""
        time = memory.time(now)
        parts: list[_Part] = []
        room = self._most - memory.alive
        for place, rule in enumerate(self._rules):
            parts.append(_grouped(place, rule, flows, memory, max(0, room)))
            room -= parts[-1].fixed.height
        expired = memory.live & (time - memory.values(_SEEN) > self._expiry[memory.values(_RULE)])
        for part in parts:
            expired[part.rows] = False
        change = _change(parts, np.flatnonzero(expired), now, time)
        if not flows.height:
            return Stepped(flows, change)
        discarded = sum(part.discarded for part in parts)
        measures: list[Measure] = []
        if discarded:
            measures = [("aggregates_discarded", discarded, ())]
            limits.reached(f"{self._most:,} groups", "flows of others are not aggregated")
        places = enumerate(self._rules)
        records = [
            _records(n, rule, parts[n], memory, memory.live & ~expired) for n, rule in places
        ]
        filled = [frame for frame in records if frame.height]
        return Stepped(values.concat(filled) if filled else flows.clear(), change, 0, measures)


def _grouped(place: int, rule: Rule, flows: pl.DataFrame, memory: Memory, room: int) -> _Part:
    """The groups of a batch, their values brought up to date."""
    texts = [values.text(flows.schema, name).alias(key) for name, key in _keys(rule).items()]
    number = values.number(flows.schema, rule.value).alias(_NUMBER)
    chosen = flows.with_columns([*texts, number]).select([*_names(rule), _NUMBER])
    chosen = chosen.filter(pl.all_horizontal(pl.col(_names(rule)).is_not_null()))
    hashes = gob_hash.start(chosen.height)
    gob_hash.add_hashes(hashes, np.full(chosen.height, place, np.uint64))
    for name in _names(rule):
        gob_hash.add_field(hashes, chosen, name, integers=False)
    keys, first, inverse = np.unique(hashes, return_index=True, return_inverse=True)
    known = memory.find(keys)
    old, new = np.flatnonzero(known >= 0), np.flatnonzero(known < 0)
    new = new[np.argsort(first[new])][:room]
    order = np.full(len(keys), -1)
    order[np.concatenate([old, new])] = np.arange(len(old) + len(new))
    there, rows = order[inverse] >= 0, known[old]
    places, numbers = order[inverse][there], chosen[_NUMBER].filter(pl.Series(there))
    into = _Into(
        rule.operation, places, numbers.fill_null(0.0).to_numpy(), numbers.is_not_null().to_numpy()
    )
    fixed = chosen[pl.Series(first[new], dtype=pl.UInt32)].select(_names(rule))
    begin = np.full(len(new), _initial(rule.operation))
    total = np.concatenate([memory.values(_TOTAL)[rows], begin])
    count = np.concatenate([memory.values(_COUNT)[rows], np.zeros(len(new))])
    groups = len(old) + len(new)
    recent, none = np.full(groups, _initial(rule.operation)), np.zeros(groups)
    return _Part(
        rows,
        fixed.with_columns(pl.Series(KEY, hashes[first[new]], dtype=pl.UInt64)),
        *into.added(total, count),
        *into.added(recent, none),
        into.raw(groups),
        int((~there).sum()),
    )


class _Into(NamedTuple):
    """Values of flows, and the place of the group of each; some are not `usable`."""

    operation: Operation
    places: Numbers
    numbers: _Doubles
    usable: npt.NDArray[np.bool_]

    def added(self, total: _Doubles, count: _Doubles) -> tuple[_Doubles, _Doubles]:
        """Values and numbers of flows with these, one after the other."""
        if self.operation is Operation.AVG:
            return self._averaged(total, count)
        count = count.copy()
        np.add.at(count, self.places, 1.0)
        places, numbers = self.places[self.usable], self.numbers[self.usable]
        if self.operation is Operation.COUNT:
            total = count.copy()
        elif self.operation in _ADD:
            total = total.copy()
            _ADD[self.operation](total, places, numbers)
        return total, count

    def _averaged(self, total: _Doubles, count: _Doubles) -> tuple[_Doubles, _Doubles]:
        """A flow without a number leaves the mean as it is, and counts as if it had that."""
        total, count = total * count, count.copy()
        begin = 0
        for end in [*np.flatnonzero(~self.usable).tolist(), len(self.places)]:
            np.add.at(total, self.places[begin:end], self.numbers[begin:end])
            np.add.at(count, self.places[begin:end], 1.0)
            if end < len(self.places):
                group = self.places[end]
                total[group] += total[group] / max(count[group], 1.0)
                count[group] += 1.0
            begin = end + 1
        return total / np.maximum(count, 1.0), count

    def raw(self, groups: int) -> pl.Series:
        """The values of each group, as lists."""
        frame = pl.DataFrame({_ROW: self.places, _RAW: self.numbers}).filter(pl.Series(self.usable))
        every = pl.DataFrame({_ROW: np.arange(groups)})
        lists = frame.group_by(_ROW, maintain_order=True).agg(_RAW)
        found = every.join(lists, on=_ROW, how="left", maintain_order="left")[_RAW]
        return found.fill_null(pl.Series([[]], dtype=pl.List(pl.Float64)).first())


def _change(parts: list[_Part], expired: Numbers, now: float, time: float) -> Change:
    """What a batch changes in the memory."""
    sizes = [len(part.rows) for part in parts]
    added = [part.fixed for part in parts if part.fixed.height]

    def arrays(*, new: bool) -> dict[str, npt.NDArray[Any]]:
        cut = [slice(size, None) if new else slice(size) for size in sizes]
        chosen = list(zip(parts, cut, strict=True))
        rules = [np.full(len(part.total[at]), place) for place, (part, at) in enumerate(chosen)]
        return {
            _RULE: np.concatenate(rules),
            _TOTAL: np.concatenate([part.total[at] for part, at in chosen]),
            _COUNT: np.concatenate([part.number[at] for part, at in chosen]),
            _SEEN: np.full(sum(map(len, rules)), time),
        }

    fixed = values.concat(added) if added else pl.DataFrame()
    rows = np.concatenate([part.rows for part in parts])
    return Change(now, rows, arrays(new=False), expired, fixed, arrays(new=True))


def _records(
    place: int, rule: Rule, part: _Part, memory: Memory, there: npt.NDArray[np.bool_]
) -> pl.DataFrame:
    """A record of each group of a rule, in the order they began."""
    rows, old = np.flatnonzero(there & (memory.values(_RULE) == place)), len(part.rows)
    at = np.searchsorted(rows, part.rows)

    def whole(before: _Doubles, now: _Doubles) -> _Doubles:
        before = before.copy()
        before[at] = now[:old]
        return np.concatenate([before, now[old:]])

    initial, none = np.full(len(rows), _initial(rule.operation)), np.zeros(len(rows))
    frames = [memory.rows(rows), part.fixed] if len(rows) else [part.fixed]
    groups = values.concat([frame.select(_names(rule)) for frame in frames])
    keys = _keys(rule)
    joined = pl.concat_str([pl.col(keys[name]) for name in sorted(keys)], separator=",")
    raw = {values.overflow(_RAW): pl.lit("null")}
    if rule.operation is Operation.RAW_VALUES:
        lists: list[list[float]] = [[] for _ in rows]
        found = part.raw.to_list()
        for row, given in zip(at.tolist(), found, strict=False):
            lists[row] = given
        raw = {_RAW: pl.lit(pl.Series(lists + found[old:], dtype=pl.List(pl.Float64)))}
    fields = {
        "name": pl.lit(rule.name),
        "operation_type": pl.lit(str(rule.operation)),
        "operation_key": pl.lit(rule.value),
        "by": pl.lit(",".join(rule.by)),
        "aggregate": joined,
        "total_value": pl.lit(pl.Series(whole(memory.values(_TOTAL)[rows], part.total))),
        "total_count": pl.lit(pl.Series(whole(memory.values(_COUNT)[rows], part.number))),
        "recent_op_value": pl.lit(pl.Series(whole(initial, part.recent))),
        "recent_count": pl.lit(pl.Series(whole(none, part.recent_number))),
        **({} if _RAW in keys else raw),
    }
    fields["_".join(rule.by)] = joined
    fields |= {name: pl.col(key) for name, key in keys.items()}
    return groups.select(expr.alias(name) for name, expr in fields.items())


def _keys(rule: Rule) -> dict[str, str]:
    """The columns for the fields of `by`; a field that is there twice has one."""
    return {name: f"k{n}" for n, name in enumerate(dict.fromkeys(rule.by))}


def _names(rule: Rule) -> list[str]:
    return list(_keys(rule).values())


def _initial(operation: Operation) -> float:
    return sys.float_info.max if operation is Operation.MIN else 0.0
