"""The plan: order, sharing, fan-in, accounting."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import polars as pl
import pytest

from pipeline.diagnostics import ConfigError
from pipeline.plan.compile import compile_plan
from pipeline.plan.outcome import Reject
from pipeline.stage import (
    VALUE,
    BuildContext,
    Decode,
    Decoded,
    Fields,
    Source,
    SourceContext,
    Spec,
    Step,
    Transform,
)
from stages.encode_prometheus import EncodePrometheus, Metric
from stages.write_stdout import WriteStdout

CALLS: list[str] = []


class Memory(Source, frozen=True, kw_only=True, tag="test_memory"):
    """Payloads are JSON objects with number `n`; anything else is rejected."""

    def decode(self, context: BuildContext) -> Decode:
        def decode(payloads: list[bytes]) -> Decoded:
            good = [p for p in payloads if p.startswith(b"{")]
            rejected = [(i, "not an object") for i, p in enumerate(payloads) if p[:1] != b"{"]
            rows = [msgspec.json.decode(p)["n"] for p in good]
            return Decoded(pl.DataFrame({"n": rows}, schema={"n": pl.Int64}), rejected)

        return decode

    def chunks(self, context: SourceContext) -> Iterator[list[bytes]]:
        yield from ()

    def replay(self, recording: Path) -> Source:
        return self


class Above(Transform, frozen=True, kw_only=True, tag="test_above"):
    """Keeps n above a limit."""

    limit: int = 0

    def reads(self) -> Fields:
        return frozenset({"n"})

    def build(self, context: BuildContext) -> Step:
        def step(flows: pl.DataFrame) -> pl.DataFrame:
            CALLS.append(self.name)
            return flows.filter(pl.col("n") > self.limit)

        return step


def counter(name: str, follows: str | list[str], **metric: object) -> EncodePrometheus:
    return EncodePrometheus(name=name, follows=follows, metrics=[Metric(name=name, **metric)])  # type: ignore[arg-type] # keyword table of a test


SOURCE = Memory(name="in")
PAYLOADS = [b'{"n":1}', b"bad", b'{"n":5}', b'{"n":9}']


def test_every_message_is_accounted_for() -> None:
    stages = [counter("big", "above"), Above(name="above", follows="in", limit=4), SOURCE]
    outcome = compile_plan(stages, BuildContext()).run("in", PAYLOADS)
    counts = {
        name: (c.flows_in, c.flows_out, c.filtered, c.rejected)
        for name, c in outcome.counts.items()
    }
    assert counts == {"in": (4, 3, 0, 1), "above": (3, 2, 1, 0), "big": (2, 2, 0, 0)}
    assert [(d.stage, d.reason, d.payload, d.index) for d in outcome.rejects] == [
        ("in", "not an object", b"bad", 1)
    ]
    assert outcome.deltas[0].series[VALUE].to_list() == [2.0]


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


def test_fan_in_counts_every_branch() -> None:
    stages: list[Spec] = [
        SOURCE,
        Above(name="low", follows="in", limit=0),
        Above(name="high", follows="in", limit=8),
        counter("all", ["low", "high"]),
    ]
    outcome = compile_plan(stages, BuildContext()).run("in", PAYLOADS)
    assert outcome.deltas[0].series[VALUE].to_list() == [4.0]


def test_two_sources_share_what_follows() -> None:
    stages: list[Spec] = [SOURCE, Memory(name="other"), counter("all", ["in", "other"])]
    plan = compile_plan(stages, BuildContext())
    assert plan.run("in", PAYLOADS).deltas[0].series[VALUE].to_list() == [3.0]
    assert plan.run("other", PAYLOADS[:1]).deltas[0].series[VALUE].to_list() == [1.0]


def test_only_needed_fields_are_asked_for() -> None:
    metrics = compile_plan(
        [SOURCE, counter("a", "in", value="Bytes", labels=["x"])], BuildContext()
    )
    assert metrics.context.needed == frozenset({"Bytes", "x", "TimeReceived"})
    printed = compile_plan([SOURCE, WriteStdout(name="w", follows="in")], BuildContext())
    assert printed.context.needed is None


def test_a_value_that_cannot_be_counted_is_a_dead_letter() -> None:
    stages = [SOURCE, counter("total", "in", value="n")]
    outcome = compile_plan(stages, BuildContext()).run("in", [b'{"n":-4}', b'{"n":2}'])
    assert outcome.deltas[0].series[VALUE].to_list() == [2.0]
    reason = 'metric total: n "-4" is negative'
    assert outcome.rejects == [
        Reject("total", reason, b'{"n":-4}', -1, "NegativeValueError", "total", "n")
    ]
    counts = outcome.counts["total"]
    assert (counts.flows_in, counts.flows_out, counts.rejected) == (2, 1, 1)


def test_two_metrics_of_one_name_are_refused() -> None:
    stages: list[Spec] = [
        SOURCE,
        counter("a", "in"),
        EncodePrometheus(name="b", follows="in", metrics=[Metric(name="a")]),
    ]
    with pytest.raises(ConfigError, match='metric a is also made by stage "a"'):
        compile_plan(stages, BuildContext())
