"""A run has no effects: what it depends on changes between two batches only, once for each."""

from __future__ import annotations

import threading
from random import Random
from typing import Any

import msgspec
import polars as pl
import pytest

from pipeline.plan.compile import compile_plan
from pipeline.plan.live import ActivePlan
from pipeline.plan.outcome import Outcome
from pipeline.plan.plan import Plan
from pipeline.stage import (
    BuildContext,
    BuiltStage,
    ResourcePool,
    ResourceTransform,
    Spec,
)
from stages.ingest_file import IngestFile
from stages.rules.stage import AnyRule, Rules
from stages.write_stdout import WriteStdout

PAYLOADS = [b'{"n":%d}' % n for n in range(200)]
SAMPLING = [{"type": "keep_entry_query", "query": "with(n)", "sampling": 2}]


class Feed:
    """A resource that is told of changes at any time, and takes them over in `refresh`."""

    def __init__(self) -> None:
        self.told = self.shown = "old"
        self.refreshed = 0
        self.open = True

    def refresh(self, stopping: threading.Event) -> None:
        if stopping.is_set():
            raise InterruptedError("stopped")
        self.refreshed += 1
        self.shown = self.told

    def problems(self) -> list[str]:
        return []

    def close(self) -> None:
        self.open = False

    def knows(self, address: str, at: int | None) -> bool:
        return True

    def explain(self, address: str, at: int | None) -> Any:
        yield address, self.shown


class Watching(ResourceTransform, frozen=True, kw_only=True, tag="test_watching"):
    """Writes what the feed shows."""

    output: str

    def build(self, context: BuildContext, resources: ResourcePool | None = None) -> BuiltStage:
        if resources is None:
            return BuiltStage(lambda flows: flows)
        feed = resources.acquire((Feed, "feed"), Feed)

        def step(flows: pl.DataFrame) -> pl.DataFrame:
            return flows.with_columns(pl.lit(feed.shown).alias(self.output))

        return BuiltStage(step, refresh=feed.refresh, fingerprint=lambda: feed.told, knowledge=feed)


def watching(resources: ResourcePool | None, names: str = "ab") -> Plan:
    """A plan that samples, and whose stages `names` write what a feed shows."""
    stages: list[Spec] = [
        IngestFile(name="in", path="in.json", decoder="json"),
        Rules(name="sampled", rules=msgspec.convert(SAMPLING, list[AnyRule]), follows="in"),
    ]
    for name in names:
        stages.append(Watching(name=name, output=name, follows=stages[-1].name))
    stages.append(WriteStdout(name="out", follows=stages[-1].name))
    context = BuildContext(clock=lambda: 0.0, random=Random(3))
    return compile_plan(stages, context, resources)


def lines(outcome: Outcome) -> list[dict[str, Any]]:
    return [msgspec.json.decode(str(line)) for _, records in outcome.records for line in records]


@pytest.fixture
def resources() -> ResourcePool:
    return ResourcePool()


def feed_of(resources: ResourcePool) -> Feed:
    return resources.acquire((Feed, "feed"), Feed)


def test_the_same_batch_gives_the_same_outcome(resources: ResourcePool) -> None:
    """Whatever the feed is told meanwhile, and for draws too."""
    plan, feed = watching(resources), feed_of(resources)
    first = lines(plan.run("in", PAYLOADS))
    assert 50 < len(first) < 150
    assert {line["a"] for line in first} == {"old"}
    feed.told = "new"
    assert lines(plan.run("in", PAYLOADS)) == first
    assert [line["n"] for line in lines(plan.run("in", PAYLOADS, first=200))] != [
        line["n"] for line in first
    ], "other messages, other draws"
    assert feed.refreshed == 0


def test_a_batch_begins_with_one_refresh(resources: ResourcePool) -> None:
    """Also of a feed that several stages share."""
    live, feed = ActivePlan(watching(resources)), feed_of(resources)
    feed.told = "new"
    with live.batch() as plan:
        assert {line["b"] for line in lines(plan.run("in", PAYLOADS))} == {"new"}
        feed.told = "newer"
        assert {line["b"] for line in lines(plan.run("in", PAYLOADS))} == {"new"}
        assert feed.refreshed == 1
    with live.paused():
        assert (feed.refreshed, feed.shown) == (1, "new")
    with live.batch():
        assert (feed.refreshed, feed.shown) == (2, "newer")


def test_a_stop_ends_the_refresh(resources: ResourcePool) -> None:
    live, stopping = ActivePlan(watching(resources)), threading.Event()
    stopping.set()
    with pytest.raises(InterruptedError), live.batch(stopping):
        pytest.fail("nothing may be counted")
    with live.batch():
        pass


def test_a_plan_that_is_only_looked_at_opens_nothing() -> None:
    plan = watching(None)
    assert (plan.knowledge, plan.fingerprint()) == ([], ())


def test_who_looks_at_a_plan_asks_for_no_resource(resources: ResourcePool) -> None:
    """Otherwise a question during a reload would keep what the next plan does not use."""
    plan, feed = watching(resources), feed_of(resources)
    resources.settle()
    resources.begin()
    assert [list(one.explain("x", None)) for one in plan.knowledge] == [[("x", "old")]] * 2
    feed.told = "new"
    assert plan.fingerprint() == ("new", "new")
    watching(resources, names="")
    resources.settle()
    assert not feed.open
