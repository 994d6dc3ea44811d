"""Stages to a plan: merged, refused, built for what is needed."""

import msgspec
import polars as pl
import pytest

from pipeline.diagnostics import ConfigError
from pipeline.plan.compile import compile_plan
from pipeline.stage import (
    VALUE,
    BuildContext,
    Spec,
    Step,
    Transform,
)
from stages.encode_prometheus import EncodePrometheus, Metric
from stages.flatten import Flatten
from stages.ingest_file import IngestFile
from stages.write_stdout import WriteStdout
from tests.support.stages import CALLS, PAYLOADS, SOURCE, Above, counter

COLUMNS: list[list[str]] = []


class Seen(Transform, frozen=True, kw_only=True, tag="seen_columns"):
    """Notes the columns of the frames that come in."""

    def build(self, context: BuildContext) -> Step:
        def step(flows: pl.DataFrame) -> pl.DataFrame:
            COLUMNS.append(flows.columns)
            return flows

        return step


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


def test_flows_of_equal_stages_come_to_one_that_follows_both() -> None:
    """They run once, and each flow comes twice, as it does from stages that are not equal."""
    stages: list[Spec] = [
        SOURCE,
        Above(name="first", follows="in", limit=4),
        Above(name="second", follows="in", limit=4),
        counter("a", "first"),
        msgspec.structs.replace(counter("both", "in"), follows=["first", "second", "in"]),
    ]
    plan = compile_plan(stages, BuildContext())
    CALLS.clear()
    outcome = plan.run("in", PAYLOADS)
    assert CALLS == ["first"]
    counted = {d.family.name: d.series[VALUE].to_list() for d in outcome.deltas}
    assert counted["a"] == [2.0]
    assert counted["both"] == [2.0 + 2.0 + outcome.flows]


def test_only_needed_fields_are_asked_for() -> None:
    metrics = compile_plan(
        [SOURCE, counter("a", "in", value="Bytes", labels=["x"])], BuildContext()
    )
    assert metrics.context.needed == frozenset({"Bytes", "x", "TimeFlowEndMs", "TimeReceived"})
    printed = compile_plan([SOURCE, WriteStdout(name="w", follows="in")], BuildContext())
    assert printed.context.needed is None


def test_a_stage_is_asked_for_what_is_read_behind_it() -> None:
    """A flatten copies each column once for every element: it leaves out those of other paths."""
    stages: list[Spec] = [
        IngestFile(name="in", path="x", decoder="json"),
        Flatten(name="f", follows="in", fields=["Flags"]),
        Seen(name="s", follows="f"),
        counter("a", "s", value="Bytes", labels=["Flags"]),
        counter("b", "in", labels=["SrcAddr"]),
    ]
    plan = compile_plan(stages, BuildContext())
    COLUMNS.clear()
    outcome = plan.run("in", [b'{"Flags": ["SYN", "ACK"], "Bytes": 1, "SrcAddr": "10.0.0.1"}'])
    assert [set(columns) for columns in COLUMNS] == [{"Flags", "Bytes", "TimeReceived"}]
    flags = {delta.family.name: delta.series for delta in outcome.deltas}["a"]["Flags"]
    assert flags.to_list() == ["SYN", "ACK"]


def test_two_metrics_of_one_name_are_refused() -> None:
    stages: list[Spec] = [
        SOURCE,
        counter("a", "in"),
        EncodePrometheus(name="b", follows="in", metrics=[Metric(name="a")]),
    ]
    with pytest.raises(ConfigError, match='a is exposed by metric "a" and by metric "a" of'):
        compile_plan(stages, BuildContext())
