"""When connections end and are reported."""

from __future__ import annotations

from typing import Any

import pytest

from tests.stages.conntrack.given import Run, stage

FLOW = {"SrcAddr": "::1", "SrcPort": 1, "DstAddr": "::2", "DstPort": 2, "Proto": 6}
SPEC = stage(
    scheduling=[{"end": 10, "terminate": 3, "heartbeat": 4}],
    tcp_flags={"field": "Flags", "detect_end": True},
    records=["heartbeat", "endConnection"],
)


def kinds(run: Run, flows: list[dict[str, Any]], now: float) -> list[str]:
    return [record["_RecordType"] for record in run.records(flows, now)]


@pytest.mark.parametrize(("pause", "ends"), [(10.0, False), (10.5, True)])
def test_a_connection_ends_when_its_time_is_over(pause: float, *, ends: bool) -> None:
    run = Run(SPEC)
    run.step([FLOW], 0.0)
    assert ("endConnection" in kinds(run, [], pause)) == ends


def test_a_flow_postpones_the_end_and_not_the_heartbeat() -> None:
    run = Run(SPEC)
    run.step([FLOW], 0.0)
    assert kinds(run, [FLOW], 3.0) == []
    assert kinds(run, [FLOW], 5.0) == ["heartbeat"]
    assert kinds(run, [], 14.0) == ["heartbeat"]
    assert kinds(run, [], 15.5) == ["endConnection"]


def test_after_a_fin_flows_are_added_and_the_end_stays() -> None:
    run = Run(SPEC)
    run.step([FLOW | {"Flags": 1}], 0.0)
    assert kinds(run, [FLOW | {"Flags": 1}], 2.5) == []
    assert kinds(run, [FLOW], 4.0) == ["endConnection"]
    assert kinds(run, [FLOW], 4.0) == []
    assert run.memory.alive == 1
