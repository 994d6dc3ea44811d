"""Stages to a plan: merged, refused, built for what is needed."""

import pytest

from pipeline.diagnostics import ConfigError
from pipeline.plan.compile import compile_plan
from pipeline.stage import (
    VALUE,
    BuildContext,
    Spec,
)
from stages.encode_prometheus import EncodePrometheus, Metric
from stages.write_stdout import WriteStdout
from tests.support.stages import CALLS, PAYLOADS, SOURCE, Above, counter


def test_equal_stages_after_one_parent_run_once() -> None:
    stages: list[Spec] = [
        SOURCE,
        Above(name="first", follows="in", limit=4),
        Above(name="second", follows="in", limit=4),
        Above(name="third", follows="in", limit=5),
        counter("a", "first"),
        counter("b", "second"),
        counter("c", "third"),
    ]
    plan = compile_plan(stages, BuildContext())
    CALLS.clear()
    outcome = plan.run("in", PAYLOADS)
    assert CALLS == ["first", "third"]
    assert next(node.names for node in plan.nodes if node.name == "first") == ("first", "second")
    assert {d.family.name: d.series[VALUE].to_list() for d in outcome.deltas} == {
        "a": [2.0],
        "b": [2.0],
        "c": [1.0],
    }


def test_only_needed_fields_are_asked_for() -> None:
    metrics = compile_plan(
        [SOURCE, counter("a", "in", value="Bytes", labels=["x"])], BuildContext()
    )
    assert metrics.context.needed == frozenset(
        {"Bytes", "x", "TimeFlowEndMs", "TimeFlowStartMs", "TimeReceived"}
    )
    printed = compile_plan([SOURCE, WriteStdout(name="w", follows="in")], BuildContext())
    assert printed.context.needed is None


def test_two_metrics_of_one_name_are_refused() -> None:
    stages: list[Spec] = [
        SOURCE,
        counter("a", "in"),
        EncodePrometheus(name="b", follows="in", metrics=[Metric(name="a")]),
    ]
    with pytest.raises(ConfigError, match='a is exposed by metric "a" and by metric "a" of'):
        compile_plan(stages, BuildContext())
