"""Groups of flows, compared with a model that takes one flow after the other."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.flows import gotext
from pipeline.stage import BuildContext, Stepped
from pipeline.testing import frame, rows
from stages.aggregates import Aggregates, Operation

MOST = sys.float_info.max


class Run:
    """Batches through a stage."""

    def __init__(self, *rules: dict[str, Any], **fields: Any) -> None:
        given = {"name": "s", "type": "aggregates", "rules": list(rules), **fields}
        self.stage = msgspec.convert(given, Aggregates).build(BuildContext())
        self.memory = self.stage.begin()

    def step(self, flows: Sequence[Mapping[str, Any]], now: float) -> Stepped:
        stepped = self.stage.step(frame([dict(flow) for flow in flows]), self.memory, now)
        self.memory.adopt(stepped.change)
        return stepped

    def records(self, flows: Sequence[Mapping[str, Any]], now: float = 0.0) -> list[dict[str, Any]]:
        return rows(self.step(flows, now).flows)


def rule(operation: str = "sum", **fields: Any) -> dict[str, Any]:
    return {"name": "r", "by": ["A", "B"], "operation": operation, "value": "v"} | fields


class Model:
    """The original, one flow at a time."""

    def __init__(self, operation: Operation) -> None:
        self.operation = operation
        self.initial = MOST if operation is Operation.MIN else 0.0
        self.groups: dict[tuple[str, str], list[float]] = {}

    def records(self, flows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        recent: dict[tuple[str, str], tuple[list[float], list[float]]] = {}
        for flow in flows:
            if "A" in flow and "B" in flow:
                key = gotext.text(flow["A"]), gotext.text(flow["B"])
                total = self.groups.setdefault(key, [self.initial, 0.0])
                now, raw = recent.setdefault(key, ([self.initial, 0.0], []))
                value = flow.get("v")
                number = gotext.parse_float(value) if isinstance(value, str) else value
                for state in (total, now):
                    self._add(state, number)
                if number is not None:
                    raw.append(number)
        return [self._record(key, recent) for key in self.groups] if flows else []

    def _add(self, state: list[float], number: float | None) -> None:
        if self.operation is Operation.COUNT:
            state[0] = state[1] + 1
        elif number is not None and self.operation is Operation.SUM:
            state[0] += number
        elif number is not None and self.operation is Operation.MAX:
            state[0] = max(state[0], number)
        elif number is not None and self.operation is Operation.MIN:
            state[0] = min(state[0], number)
        elif number is not None and self.operation is Operation.AVG:
            state[0] = (state[0] * state[1] + number) / (state[1] + 1)
        state[1] += 1

    def _record(self, key: tuple[str, str], recent: Mapping[Any, Any]) -> dict[str, Any]:
        now, raw = recent.get(key, ([self.initial, 0.0], []))
        return {
            "name": "r",
            "operation_type": str(self.operation),
            "operation_key": "v",
            "by": "A,B",
            "aggregate": ",".join(key),
            "A_B": ",".join(key),
            "A": key[0],
            "B": key[1],
            "total_value": pytest.approx(self.groups[key][0]),
            "total_count": self.groups[key][1],
            "recent_op_value": pytest.approx(now[0]),
            "recent_count": now[1],
            "recent_raw_values": raw if self.operation is Operation.RAW_VALUES else None,
        }


FLOW = st.fixed_dictionaries(
    {},
    optional={
        "A": st.sampled_from(["x", "y", ""]),
        "B": st.sampled_from([1, 2.5]),
        "v": st.sampled_from([0, 1, 2.5, -3, "7", "odd"]),
    },
)


@pytest.mark.parametrize("operation", Operation)
@given(batches=st.lists(st.lists(FLOW, max_size=5), max_size=4))
def test_batches_give_what_single_flows_would(operation: Operation, batches: Any) -> None:
    """Totals for ever, recent values of each batch; a flow without a number counts."""
    run, model = Run(rule(operation)), Model(operation)
    for flows in batches:
        assert run.records(flows) == model.records(flows)


def test_values_of_keys_stand_in_the_alphabetical_order_of_the_keys() -> None:
    [record] = Run(rule(by=["B", "A"])).records([{"A": "a", "B": "b", "v": 1}])
    assert (record["by"], record["aggregate"], record["B_A"]) == ("B,A", "a,b", "a,b")


def test_rules_do_not_mix() -> None:
    """Two rules with the same keys and values have groups of their own."""
    run = Run(rule("sum", name="one"), rule("count", name="two", value=""))
    run.records([{"A": "a", "B": "b", "v": 5}])
    found = run.records([{"A": "a", "B": "b", "v": 5}])
    assert [(one["name"], one["total_value"]) for one in found] == [("one", 10), ("two", 2)]


@pytest.mark.parametrize(("pause", "kept"), [(30.0, True), (30.5, False)])
def test_an_expired_group_is_forgotten(pause: float, *, kept: bool) -> None:
    run = Run(rule(expiry="30s"))
    run.records([{"A": "a", "B": "b"}], 100.0)
    found = run.records([{"A": "other", "B": "b"}], 100.0 + pause)
    assert [one["A"] for one in found] == (["a", "other"] if kept else ["other"])
    assert run.memory.alive == len(found)


def test_a_restart_changes_nothing() -> None:
    """Groups go on, and no time passes while nothing runs."""
    first, second = Run(rule(expiry="30s")), Run(rule(expiry="30s"))
    first.records([{"A": "a", "B": "b", "v": 5}], 100.0)
    second.memory.take(first.memory.saved())
    [record] = second.records([{"A": "a", "B": "b", "v": 6}], 9_000.0)
    assert (record["total_value"], record["recent_op_value"], record["total_count"]) == (11, 6, 2)


def test_beyond_the_limit_of_groups_flows_are_left_out_and_counted() -> None:
    run = Run(rule(), max_groups=1)
    flows = [{"A": a, "B": "b", "v": 1} for a in "aabba"]
    stepped = run.step(flows, 0.0)
    [record] = rows(stepped.flows)
    assert (record["A"], record["total_count"]) == ("a", 3)
    assert stepped.measures == [("aggregates_discarded", 2, ())]


def test_fields_of_a_group_that_are_there_twice_or_written_anyway() -> None:
    """As in the original: a field counts once, and what a group is named by is written last."""
    run = Run(rule(by=["B", "name", "B"], operation="raw_values"))
    [record] = run.records([{"B": "b", "name": "n", "v": 1}])
    told = {name: record[name] for name in ("name", "by", "aggregate", "B_name_B", "B")}
    assert told == {
        "name": "n",
        "by": "B,name,B",
        "aggregate": "b,n",
        "B_name_B": "b,n",
        "B": "b",
    }
    [raw] = Run(rule(by=["recent_raw_values"])).records([{"recent_raw_values": "r", "v": 1}])
    assert raw["recent_raw_values"] == "r"
