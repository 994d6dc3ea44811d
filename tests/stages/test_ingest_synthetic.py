"""Flows of made-up connections: what they are, and how many come when."""

from __future__ import annotations

import json
from itertools import islice

import pytest

from stages.ingest_synthetic import IngestSynthetic


def given(stage: IngestSynthetic, *times: float) -> list[list[bytes]]:
    """What is due at these times, in seconds since the start."""
    clock = iter([0.0, *times])
    return list(islice(stage.runs(lambda: next(clock)), len(times)))


def test_batches_come_at_the_rate() -> None:
    """By default 10 flows every 0.3 seconds."""
    stage = IngestSynthetic(name="flows")
    runs = given(stage, 0.29, 0.31, 0.5, 0.61, 60.0)
    assert list(map(len, runs)) == [0, 10, 0, 10, 1980]


def test_connections_take_turns() -> None:
    stage = IngestSynthetic(name="flows", connections=3, batch_length=4, flows_per_minute=240)
    flows = [json.loads(flow) for run in given(stage, 1.01, 2.01) for flow in run]
    assert [flow["SrcAddr"] for flow in flows] == [f"1.1.1.{n}" for n in (1, 2, 3, 1, 2, 3, 1, 2)]
    assert flows[0] == {
        "SrcAddr": "1.1.1.1",
        "SrcPort": 1234,
        "DstAddr": "11.1.1.1",
        "DstPort": 8000,
        "Proto": 6,
        "Bytes": 100,
        "Packets": 1,
        "SrcAS": 0,
        "DstAS": 0,
        "TimeReceived": 0,
    }


@pytest.mark.parametrize(("seconds", "flows"), [(1.0, 100_000), (0.5, 50_000)])
def test_what_is_due_at_once_is_bounded(seconds: float, flows: int) -> None:
    stage = IngestSynthetic(name="flows", batch_length=1000, flows_per_minute=6_000_000)
    assert list(map(len, given(stage, seconds, 60.0))) == [flows, 100_000]
