"""What several sources consume, as one membership."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.plan.compile import compile_plan
from pipeline.runtime.faust.subscriptions import subscriptions
from pipeline.stage import BuildContext
from stages.ingest_kafka import IngestKafka


def source(name: str, *topics: str, **more: Any) -> IngestKafka:
    """A source of topics."""
    return IngestKafka(name=name, brokers=["b"], topics=list(topics), decoder="json", **more)


def of(*sources: Any) -> dict[str, Any]:
    """The subscriptions of a plan with these sources."""
    return dict(subscriptions(compile_plan(list(sources), BuildContext())))


def test_sources_may_differ_in_topics_and_batches() -> None:
    found = of(source("one", "a", "b"), source("two", "c", batch_size=5, linger="2s"))
    assert {name: found[name].topics for name in found} == {"one": ("a", "b"), "two": ("c",)}


def test_workers_of_one_command_are_numbered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each has its own name in the group."""
    monkeypatch.setenv("FLOWMATRIX_WORKER", "3")
    assert of(source("one", "a", group_instance_id="w"))["one"].instance == "w-3"
    assert of(source("one", "a"))["one"].instance == ""
