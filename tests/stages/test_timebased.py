"""Groups of flows over a window of time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import pytest

from pipeline.stage import BuildContext, Stepped
from pipeline.testing import frame, rows
from stages.timebased import Operation, Timebased


class Run:
    """Batches through a stage, each at a time (s)."""

    def __init__(self, *rules: dict[str, Any], **fields: Any) -> None:
        given = {"name": "s", "type": "timebased", "rules": list(rules), **fields}
        self.stage = msgspec.convert(given, Timebased).build(BuildContext())
        self.memory = self.stage.begin()

    def step(self, flows: Sequence[Mapping[str, Any]], now: float) -> Stepped:
        stepped = self.stage.step(frame([dict(flow) for flow in flows]), self.memory, now)
        self.memory.adopt(stepped.change)
        return stepped

    def results(
        self, flows: Sequence[Mapping[str, Any]], now: float = 0.0
    ) -> list[tuple[str, float]]:
        """The group and the result of each record."""
        return [(one["A"], one["v"]) for one in rows(self.step(flows, now).flows)]


def rule(operation: str = "sum", **fields: Any) -> dict[str, Any]:
    return {"name": "r", "by": ["A"], "operation": operation, "value": "v", "window": 10} | fields


def flow(group: str, value: object) -> dict[str, Any]:
    return {"A": group, "v": value}


@pytest.mark.parametrize(
    ("operation", "result", "later"),
    [
        ("sum", 9.0, 12.0),
        ("avg", 3.0, 4.0),
        ("min", 2.0, 3.0),
        ("max", 4.0, 5.0),
        ("count", 3.0, 3.0),
        ("diff", 1.0, 1.0),
        ("last", 3.0, 5.0),
    ],
)
def test_operations_over_a_window(operation: str, result: float, later: float) -> None:
    """Of the numbers that are not older than the window, in the order they came."""
    run = Run(rule(operation))
    run.results([flow("a", 2)], 0.0)
    assert run.results([flow("a", "4"), flow("a", "odd"), flow("a", 3)], 5.0) == [("a", result)]
    assert run.results([flow("a", 5)], 12.0) == [("a", later)]


@pytest.mark.parametrize("operation", Operation)
def test_a_group_without_a_number_is_0(operation: Operation) -> None:
    assert Run(rule(operation)).results([flow("a", "odd")]) == [("a", 0.0)]


def test_the_top_groups() -> None:
    flows = [flow("a", 1), flow("b", 3), flow("c", 2), flow("a", 1)]
    assert Run(rule(top=2)).results(flows) == [("b", 3.0), ("a", 2.0)]
    assert Run(rule(top=1, reversed=True)).results(flows) == [("a", 2.0)]
    assert Run(rule()).results(flows) == [("a", 2.0), ("b", 3.0), ("c", 2.0)]


def test_the_fields_of_a_record() -> None:
    run = Run(rule(by=["A", "B"], top=5))
    [record] = rows(run.step([{"A": "a", "B": 7, "v": 2}], 0.0).flows)
    assert record == {
        "name": "r",
        "index_key": "A,B",
        "operation": "sum",
        "v": 2.0,
        "A": "a",
        "B": "7",
    }


def test_a_group_with_a_comma_keeps_its_fields() -> None:
    assert Run(rule()).results([flow("a,b", 2)]) == [("a,b", 2.0)]


@pytest.mark.parametrize("group", [None, ""])
def test_a_flow_of_no_group_is_left_out(group: str | None) -> None:
    """Whether it has a value or not."""
    run = Run(rule())
    odd = {"v": 1} if group is None else {"A": group, "x": 1}
    stepped = run.step([flow("a", 1), odd], 0.0)
    assert (len(rows(stepped.flows)), stepped.rejected) == (1, [])


def test_a_flow_without_the_value_is_rejected() -> None:
    """By every rule, so that it is used whole or not at all."""
    run = Run(rule(), rule("count", name="w", value="w"))
    stepped = run.step([flow("a", 1) | {"w": 1}, flow("a", 2)], 0.0)
    assert [row for row, _ in stepped.rejected] == [1]
    assert [one.get("v", one.get("w")) for one in rows(stepped.flows)] == [1.0, 1.0]


def test_a_group_without_a_flow_in_its_window_is_forgotten() -> None:
    run = Run(rule("last"))
    run.results([flow("a", 1)], 0.0)
    assert run.results([flow("b", 1)], 10.0) == [("a", 1.0), ("b", 1.0)]
    assert run.results([flow("b", 2)], 10.5) == [("b", 2.0)]
    assert run.memory.alive == 2


def test_no_flow_gives_no_record() -> None:
    run = Run(rule())
    run.results([flow("a", 1)], 0.0)
    assert run.results([], 1.0) == []


def test_a_restart_changes_nothing() -> None:
    first, second = Run(rule()), Run(rule())
    first.results([flow("a", 1)], 0.0)
    second.memory.take(first.memory.saved())
    assert second.results([flow("a", 2)], 5_000.0) == [("a", 3.0)]


def test_beyond_the_limit_the_oldest_flows_leave_their_windows() -> None:
    run = Run(rule("count"), max_flows=3)
    run.results([flow("a", 1)] * 2, 0.0)
    stepped = run.step([flow("a", 1)] * 2, 1.0)
    assert [one["v"] for one in rows(stepped.flows)] == [3.0]
    assert stepped.measures == [("timebased_evicted", 1, ())]
    assert run.memory.alive == 3


def test_fields_of_a_group_that_are_there_twice_or_written_anyway() -> None:
    """As in the original: what a group is named by is written last."""
    run = Run(rule(by=["A", "name", "A"], value="operation"))
    [record] = rows(run.step([{"A": "a", "name": "n", "operation": 2}], 0.0).flows)
    assert record == {"name": "n", "index_key": "A,name,A", "operation": 2.0, "A": "a"}
