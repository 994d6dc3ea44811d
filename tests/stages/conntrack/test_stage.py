"""What the stage reads, and its state over restarts."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.plan.compile import compile_plan
from pipeline.stage import BuildContext, Source
from stages.conntrack.fields import Keys, RecordType
from stages.conntrack.stage import Conntrack
from stages.ingest_file import IngestFile
from stages.ingest_grpc import IngestGrpc
from stages.write_stdout import WriteStdout
from tests.stages.conntrack.given import Run, stage

OUTPUTS = [
    {"name": "n", "operation": "count", "split": True},
    {"name": "last", "operation": "last", "input": "Interface"},
    {"name": "first", "operation": "first", "input": "Interface"},
]
SPEC = stage(
    outputs=OUTPUTS,
    scheduling=[{"end": 7, "terminate": 3, "heartbeat": 4}],
    tcp_flags={"field": "Flags", "detect_end": True, "swap": True},
)
FLOW = st.fixed_dictionaries(
    {"Proto": st.sampled_from([6, 17]), "SrcPort": st.sampled_from([1, 2, "odd", None])},
    optional={
        "DstPort": st.sampled_from([1, 2]),
        "Flags": st.sampled_from([1, 2, 272]),
        "Interface": st.sampled_from(["eth0", 3, ["a"]]),
    },
)
BATCHES = st.lists(
    st.tuples(st.lists(FLOW, max_size=4), st.sampled_from([0.0, 3.0, 4.5, 8.0])), max_size=6
)


def test_it_reads_what_it_needs() -> None:
    assert SPEC.reads() == {
        *("SrcAddr", "SrcPort", "DstAddr", "DstPort", "Proto"),
        *("Duplicate", "Interface", "Flags", "n"),
    }


@given(batches=BATCHES, stops=st.sets(st.integers(0, 6)), pause=st.sampled_from([0.0, 900.0]))
def test_a_restart_changes_nothing(batches: Any, stops: set[int], pause: float) -> None:
    """Connections go on from what was saved, however long nothing ran."""
    whole, parts, now, late = Run(SPEC), Run(SPEC), 0.0, 0.0
    for place, (flows, quiet) in enumerate(batches):
        if place in stops:
            fresh = Run(SPEC)
            fresh.memory.take(parts.memory.saved())
            parts, late = fresh, late + pause + quiet
        else:
            now += quiet
        assert parts.records(flows, now + late) == whole.records(flows, now)


@pytest.mark.parametrize(
    "source",
    [
        IngestGrpc(name="in"),
        IngestFile(name="in", path="x", decoder="protobuf"),
    ],
    ids=lambda source: str(source.type),
)
def test_numbers_of_messages_are_hashed_as_integers(source: Source) -> None:
    """Wherever they come from: the hash is that of the golden case conntrack-messages."""
    groups = {
        "src": ["SrcAddr", "SrcPort"],
        "dst": ["DstAddr", "DstPort"],
        "rest": ["Proto", "Etype", "TimeFlowRttNs"],
    }
    stage = Conntrack(
        name="c",
        follows="in",
        groups=groups,
        keys=Keys(groups=["rest"], a="src", b="dst"),
        records=[RecordType.NEW],
    )
    plan = compile_plan([source, stage, WriteStdout(name="w", follows="c")], BuildContext())
    case = Path(__file__).parents[2] / "golden" / "conntrack-messages"
    first = json.loads((case / "messages.jsonl").read_text().splitlines()[0])
    outcome = plan.run("in", [base64.b64decode(first["value_b64"])])
    ((_, records),) = outcome.records
    assert '"_HashId":"89a5d3afae5a31d0"' in str(records)
