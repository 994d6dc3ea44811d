"""Batches of flows through open connections, compared with a model that takes flow by flow."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.testing import frame, rows
from stages.conntrack.fields import Operation
from tests.stages.conntrack.given import Model, Run, measures, stage

OUTPUTS = [
    {"name": "Bytes", "operation": "sum"},
    {"name": "Bytes", "operation": "sum", "split": True},
    {"name": "Least", "operation": "min", "input": "Bytes", "report_missing": True},
    {"name": "Most", "operation": "max", "input": "Bytes", "split": True},
    {"name": "n", "operation": "count", "split": True},
    {"name": "First", "operation": "first", "input": "Interface"},
    {"name": "Last", "operation": "last", "input": "Interface"},
]
SPEC = stage(
    outputs=OUTPUTS,
    scheduling=[{"end": 7, "terminate": 3, "heartbeat": 4}],
    tcp_flags={"field": "Flags", "detect_end": True, "swap": True},
    max_connections=3,
)
FLOW = st.fixed_dictionaries(
    {"Proto": st.sampled_from([6, 6, 17, 1]), "SrcPort": st.sampled_from([1, 2, 443])},
    optional={
        "SrcAddr": st.sampled_from(["10.0.0.1", "10.0.0.2"]),
        "DstAddr": st.sampled_from(["10.0.0.1", "10.0.0.2"]),
        "DstPort": st.sampled_from([1, 2, 443]),
        "Bytes": st.sampled_from([0, 1, 1000]),
        "Interface": st.sampled_from(["eth0", "", "lo"]),
        "Flags": st.sampled_from([0, 1, 2, 16, 272, 17]),
        "Duplicate": st.booleans(),
    },
)
BATCHES = st.lists(
    st.tuples(st.lists(FLOW, max_size=6), st.sampled_from([0.0, 0.5, 3.0, 4.5, 8.0])), max_size=6
)


@settings(max_examples=settings().max_examples * 2)
@given(batches=BATCHES, wanted=st.sets(st.sampled_from(SPEC.records), min_size=1))
def test_batches_give_what_single_flows_would(batches: Any, wanted: Any) -> None:
    """Records of every kind, in the order of the original, and as many as open."""
    spec = stage(
        outputs=OUTPUTS,
        records=sorted(wanted),
        max_connections=3,
        scheduling=[{"end": 7, "terminate": 3, "heartbeat": 4}],
        tcp_flags={"field": "Flags", "detect_end": True, "swap": True},
    )
    run, model, now = Run(spec), Model(spec), 1_000.0
    for flows, pause in batches:
        now += pause
        assert run.records(flows, now) == model.records(flows, now)
        assert run.memory.alive == len(model.open)


@given(flows=st.lists(FLOW, max_size=12), cut=st.integers(0, 12))
def test_a_batch_that_is_run_again_gives_the_same(flows: Any, cut: int) -> None:
    """A step reads its memory alone, so that a message that fails can be looked for in pieces."""
    run = Run(SPEC)
    run.step(flows[:cut], 5.0)
    batch = frame(flows[cut:])
    first, again = (run.tracker.step(batch, run.memory, 14.0) for _ in range(2))
    assert rows(first.flows) == rows(again.flows)
    assert first.measures == again.measures


CONNECTION = {"SrcAddr": "10.0.0.1", "SrcPort": 5, "DstAddr": "10.0.0.2", "DstPort": 80, "Proto": 6}


def test_no_flow_ends_a_connection_all_the_same() -> None:
    run = Run(SPEC)
    run.step([CONNECTION], 0.0)
    assert [one["_RecordType"] for one in run.records([], 5.0)] == ["heartbeat"]
    stepped = run.step([], 8.0)
    [record] = rows(stepped.flows)
    assert (record["_RecordType"], record["_IsFirst"]) == ("endConnection", False)
    assert measures(stepped)["end_connections", "0: DEFAULT", "timeout"] == 1
    assert run.memory.alive == 0


def test_beyond_the_limit_flows_are_discarded_and_counted() -> None:
    run = Run(stage(max_connections=1, records=["newConnection"]))
    other = CONNECTION | {"SrcPort": 6}
    stepped = run.step([CONNECTION, other, CONNECTION, other], 0.0)
    assert [one["SrcPort"] for one in rows(stepped.flows)] == [5]
    assert stepped.filtered == 2
    found = measures(stepped)
    assert [found["input_records", what] for what in ("newConnection", "update", "discarded")] == [
        1,
        1,
        2,
    ]


@pytest.mark.parametrize("operation", Operation)
def test_an_absent_input(operation: Operation) -> None:
    """It counts as 0, and values that are 0 are left out; a count counts flows."""
    run = Run(stage(outputs=[{"name": "x", "operation": operation}], records=["newConnection"]))
    [record] = run.records([CONNECTION], 0.0)
    assert record.get("x") == (1 if operation is Operation.COUNT else None)


def test_protobuf_flows_hash_as_integers() -> None:
    """The original hashes the same flow differently by decoder; these are its hashes of JSON."""
    [of_json] = Run(stage(records=["flowLog"])).records([CONNECTION], 0.0)
    [of_protobuf] = Run(stage(records=["flowLog"]), "protobuf").records([CONNECTION], 0.0)
    assert of_json["_HashId"] != of_protobuf["_HashId"]
