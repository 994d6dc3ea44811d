"""Which metrics are counted once more, and what of a batch is theirs."""

from __future__ import annotations

import logging

import msgspec
import pytest

from pipeline.plan.compile import compile_plan
from pipeline.plan.plan import Plan
from pipeline.runtime.recount import Recount
from pipeline.stage import VALUE, BuildContext
from pipeline.state.checkpoint_file import CheckpointError, FileCheckpoint, Progress
from stages.encode_prometheus import EncodePrometheus, Metric
from stages.ingest_file import IngestFile

COUNTED = Progress(messages=7, opening=7, head="h")
EARLIER = msgspec.structs.replace(COUNTED, before=3)


def recount(changed: str = "", added: str = "") -> Recount:
    """Of source `in`, with metrics separated by blanks."""
    names = (frozenset(text.split()) for text in (changed, added))
    return Recount(FileCheckpoint({"in": COUNTED}, 0, *names), ["in"])


def test_it_is_done_when_every_source_was_read_again() -> None:
    assert recount().done
    one = Recount(FileCheckpoint(changed=frozenset("x")), ["a", "b"])
    assert one.wants("a")
    one.end("a", 0)
    assert not one.wants("a")
    assert not one.done
    one.end("b", 0)
    assert one.done


def test_it_says_what_it_does(caplog: pytest.LogCaptureFixture) -> None:
    """Nothing where no message was counted."""
    recount("a", "b").begin("in", Progress())
    with caplog.at_level(logging.INFO):
        recount("a", "b").begin("in", COUNTED)
        recount("", "b").begin("in", EARLIER)
    assert caplog.messages == [
        "metric a has changed: it is counted from the start of in",
        "metric b is new: it is counted from the start of in",
        "metric b is new: 3 messages of inputs before this one are not in it",
        "metric b is new: it is counted from the start of in",
    ]


def test_what_cannot_be_read_again_is_refused() -> None:
    with pytest.raises(CheckpointError, match=r"metric a has changed, .* 3 messages of stage"):
        recount("a").begin("in", EARLIER)
    for one in (recount("a"), recount("", "a")):
        with pytest.raises(CheckpointError, match=r'the input of stage "in" has 2 messages less'):
            one.end("in", 2)
    recount().end("in", 2)


def plan() -> Plan:
    """Two metrics of bytes, of which one counts by a field that some flows lack."""
    metrics = [Metric(name="one", value="Bytes"), Metric(name="two", value="Packets")]
    stages = [
        IngestFile(name="in", path="x", decoder="json"),
        EncodePrometheus(name="e", follows="in", prefix="n_", metrics=metrics),
        EncodePrometheus(name="f", follows="in", metrics=[Metric(name="three")]),
    ]
    return compile_plan(stages, BuildContext())


def test_of_a_batch_it_takes_what_is_of_its_metrics() -> None:
    """Their deltas, their rejects and their stage; no message is read, none rejected anew."""
    running = plan()
    outcome = running.run("in", [b'{"Bytes":-1,"Packets":-1}', b'{"Bytes":2}', b"junk"])
    part = recount("n_one").part(running, "in", outcome)
    assert [(d.family.name, d.series[VALUE].to_list()) for d in part.deltas] == [("n_one", [2.0])]
    assert [(reject.stage, reject.metric) for reject in part.rejects] == [("e", "one")]
    assert set(part.counts) == {"in", "e"}
    assert (part.messages, part.counts["in"].flows_in, part.counts["in"].rejected) == (0, 0, 0)
