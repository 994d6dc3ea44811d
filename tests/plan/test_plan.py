"""A batch through a plan: fan-in, sources, accounts."""

from pipeline.plan.compile import compile_plan
from pipeline.plan.outcome import Reject
from pipeline.stage import (
    VALUE,
    BuildContext,
    Spec,
)
from tests.support.stages import PAYLOADS, SOURCE, Above, Memory, counter


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
