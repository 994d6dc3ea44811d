"""A stage that rejects most of what comes is said to, once, and when that is over."""

from __future__ import annotations

import gc
import logging
import sys

import pytest

from pipeline.dead_letters.recent import RecentRejects
from pipeline.plan.outcome import Counts, Outcome, Reject


class Run:
    """Batches, one a second."""

    def __init__(self) -> None:
        self.now = 0.0
        self.recent = RecentRejects(lambda: self.now)

    def batch(self, came: int, rejected: int, payload: bytes = b"a,b,c", **of: str) -> list[str]:
        """The problems after a batch of a source, or of the stage that is named."""
        stage = of.get("stage", "in")
        index = 0 if stage == "in" else -1
        rejects = [Reject(stage, "bad", payload, index) for _ in range(rejected)]
        outcome = Outcome(came, rejects=rejects, counts={stage: Counts(came, rejected=rejected)})
        self.recent.add("in", outcome, quiet=False)
        self.now += 1
        return list(self.recent.problems().values())


@pytest.fixture
def run(caplog: pytest.LogCaptureFixture) -> Run:
    caplog.set_level(logging.INFO)
    return Run()


def test_it_is_said_once_with_count_reason_and_guess(
    run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    said = (
        'stage "in" rejects most messages: 20 of the last 20, the first one because of this: bad. '
        "They look like CSV"
    )
    assert run.batch(20, 20) == [said]
    assert run.batch(500, 500) == [said]
    assert caplog.messages == [said]


def test_it_is_over_when_few_are_rejected(run: Run, caplog: pytest.LogCaptureFixture) -> None:
    """Also on a slow topic, where a hundred messages are what is recent."""
    run.batch(10_000, 10_000)
    for _ in range(9):
        assert run.batch(10, 0)
    for _ in range(2):
        problems = run.batch(10, 0)
    assert problems == []
    assert caplog.messages[1:] == ['stage "in": most messages are accepted again']
    assert run.batch(1_000, 999) != []


def test_one_poisonous_message_is_not_most(run: Run) -> None:
    """It may be the first one that comes."""
    assert run.batch(1, 1) == []
    assert run.batch(8, 8) == []
    assert run.batch(1, 1) != []


def test_some_poison_is_not_most(run: Run) -> None:
    for _ in range(20):
        assert run.batch(100, 50) == []


def test_partitions_in_turn_are_one_source(run: Run) -> None:
    """One in four has nothing but rejects: it comes and goes, and is not most."""
    for turn in range(40):
        rejected = 1_000 if turn % 4 == 3 else 0
        run.now -= 0.9
        assert run.batch(1_000, rejected) == []


def test_flows_that_a_metric_rejects(run: Run) -> None:
    """No guess: they are flows."""
    assert run.batch(10, 10, stage="count") == [
        'stage "count" rejects most flows: 10 of the last 10, the first one because of this: bad'
    ]


def test_a_stage_that_is_gone_is_forgotten(run: Run) -> None:
    run.batch(5, 5)
    run.recent.keep(["other"])
    assert run.recent.problems() == {}


def test_batches_leave_no_small_objects() -> None:
    """Ten thousand in the last 10 s: the allocator keeps an arena for as long as one is in it."""
    now = iter(range(20_000))
    recent = RecentRejects(lambda: next(now) / 1_000)
    counts = {f"stage {number}": Counts(1_000 + number, rejected=700) for number in range(10)}

    def blocks_after(batches: int) -> int:
        for _ in range(batches):
            recent.add("in", Outcome(1_000, counts=counts), quiet=True)
        gc.collect()
        return sys.getallocatedblocks()

    begun = blocks_after(10)
    assert blocks_after(1_000) - begun < 1_000
