"""The fields of records."""

from __future__ import annotations

from pipeline.flows import values
from pipeline.testing import frame
from tests.stages.conntrack.given import Run, stage

FLOW = {"SrcAddr": "::1", "DstAddr": "::2", "Proto": 6, "_HashId": "mine", "_IsFirst": 7}


def test_fields_of_the_stage_replace_those_of_the_flow() -> None:
    [record] = Run(stage(records=["flowLog"])).records([FLOW], 0.0)
    assert (record["_HashId"], record["_RecordType"]) != ("mine", None)
    assert record["_IsFirst"] == 7


def test_key_fields_prevail_over_outputs() -> None:
    outputs = [{"name": "Proto", "operation": "count"}]
    [record] = Run(stage(records=["newConnection"], outputs=outputs)).records([FLOW], 0.0)
    assert record["Proto"] == 6


def test_records_have_the_numbers_that_draws_go_by() -> None:
    """A flowLog that of its message, a connection one of its own, where flows have numbers."""
    run = Run(stage())
    numbered = run.tracker.step(frame([FLOW], first=41), run.memory, 0.0).flows
    connection, flow = numbered[values.NUMBER].to_list()
    assert flow == 41
    assert connection not in {41, None}
    plain = frame([FLOW]).drop(values.NUMBER)
    assert values.NUMBER not in run.tracker.step(plain, run.memory, 0.0).flows.columns
