"""The memories of a plan's stages: adopted with a batch, saved, and kept when the plan changes."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.plan.compile import compile_plan
from pipeline.plan.plan import Plan
from pipeline.stage import BuildContext
from pipeline.state.memories import Memories
from stages.ingest_stdin import IngestStdin
from stages.write_stdout import WriteStdout
from tests.stages.conntrack.given import stage

FLOW = b'{"SrcAddr":"::1","DstAddr":"::2","Proto":6}'


def plan(**fields: Any) -> Plan:
    tracked = stage(**{"name": "track", "follows": "in", "records": ["newConnection"]} | fields)
    stages = [IngestStdin(name="in"), tracked, WriteStdout(name="out", follows="track")]
    return compile_plan(stages, BuildContext())


def written(of: Plan, memories: Memories) -> int:
    """How many records a flow gives; its changes are adopted."""
    outcome = of.run("in", [FLOW], memories=memories)
    memories.adopt(outcome.changes)
    return sum(len(records) for _, records in outcome.records)


def test_a_plan_only_reads_them() -> None:
    running = plan()
    memories = Memories(running.remembering)
    assert [len(running.run("in", [FLOW], memories=memories).records[0][1]) for _ in "ab"] == [1, 1]
    assert [written(running, memories), written(running, memories)] == [1, 0]


def test_what_was_saved_goes_on() -> None:
    running = plan()
    first, second = Memories(running.remembering), Memories(running.remembering)
    written(running, first)
    for one in first.saved():
        second.restore(*one)
    assert written(running, second) == 0


def test_a_stage_that_has_changed_remembers_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """Neither when it is restored, nor when it takes the place of another; the same one goes on."""
    running, other = plan(), plan(max_connections=7)
    memories, fresh = Memories(running.remembering), Memories(other.remembering)
    written(running, memories)
    for one in memories.saved():
        fresh.restore(*one)
    assert written(other, fresh) == 1
    assert "stage track has changed: it remembers nothing" in caplog.text
    memories.go_on(plan().remembering)
    assert written(running, memories) == 0
    memories.go_on(other.remembering)
    assert written(other, memories) == 1
    assert caplog.text.count("remembers nothing") == 2


def test_an_input_is_counted_once_more_beside_what_was_restored() -> None:
    running = plan()
    first, second = Memories(running.remembering), Memories(running.remembering)
    written(running, first)
    for one in first.saved():
        second.restore(*one)
    again = second.beside()
    assert [written(running, again), written(running, second)] == [1, 0]
    shared = Memories(running.remembering).beside()
    assert written(running, shared) == 1
