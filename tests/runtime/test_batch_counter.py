"""What becomes of a batch of messages: counted, passed over, rejected, or counted once more."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from pipeline.dead_letters.file import DeadLetterFile
from pipeline.dead_letters.limit import DlqLimit, TooManyDeadLettersError
from pipeline.exposition.self_metrics import Telemetry
from pipeline.plan.compile import compile_plan
from pipeline.plan.live import ActivePlan
from pipeline.runtime.batch_counter import BatchCounter, Counted
from pipeline.runtime.delivery import Blocking
from pipeline.runtime.outputs import Outputs
from pipeline.runtime.recount import Recount
from pipeline.stage import VALUE, BuildContext
from pipeline.state.checkpoint_file import FileCheckpoint
from pipeline.state.ledger import Ledger
from pipeline.state.memories import Memories
from stages.encode_prometheus import EncodePrometheus, Metric
from stages.ingest_file import IngestFile

FLOW, JUNK = b'{"Bytes":5}', b"junk"


class Counting:
    """A counter of two metrics, of which `bytes` has changed where `recounts`."""

    def __init__(self, folder: Path, opened: ExitStack, *, recounts: bool = False) -> None:
        metrics = [Metric(name="bytes", value="Bytes"), Metric(name="flows")]
        self.source = IngestFile(name="in", path="x", decoder="json")
        stages = [self.source, EncodePrometheus(name="e", follows="in", metrics=metrics)]
        live = ActivePlan(compile_plan(stages, BuildContext()))
        self.ledger = Ledger(live.plan.families)
        self.telemetry = Telemetry(live.plan, process=False)
        self.letters = folder / "letters"
        changed = frozenset(["bytes"] if recounts else [])
        stopping = threading.Event()
        outputs = Outputs(self.telemetry)
        self.counter = BatchCounter(
            live,
            ledger=self.ledger,
            memories=Memories({}),
            recount=Recount(FileCheckpoint(changed=changed), ["in"]),
            limit=DlqLimit(max_consecutive=3),
            letters=opened.enter_context(DeadLetterFile(self.letters)),
            delivery=opened.enter_context(
                Blocking(folder, lambda *_: None, outputs, stopping),
            ),
            telemetry=self.telemetry,
            stopping=stopping,
        )

    def count(self, *payloads: bytes) -> Counted:
        return self.counter.count(self.source, list(payloads))

    def counts(self) -> dict[str, float]:
        tables = self.ledger.tables()
        return {t.family.name: sum(t.series()[VALUE]) for t in tables if t.series().height}


@pytest.fixture
def opened() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def test_flows_are_counted_and_the_rest_rejected(tmp_path: Path, opened: ExitStack) -> None:
    counting = Counting(tmp_path, opened)
    assert counting.count(FLOW, JUNK, FLOW) == Counted(3, cut=False)
    assert counting.counts() == {"bytes": 10, "flows": 2}
    (letter,) = map(json.loads, counting.letters.read_text().splitlines())
    assert letter["stage"] == "in"
    found = counting.telemetry.snapshot()
    assert [found[f"stage_flows_{part}"]["in"] for part in ("in", "out", "rejected")] == [3, 2, 1]


def test_empty_messages_are_passed_over_and_counted(tmp_path: Path, opened: ExitStack) -> None:
    counting = Counting(tmp_path, opened)
    assert counting.count(b"", FLOW, b"", b"") == Counted(4, cut=False)
    assert counting.count(b"") == Counted(1, cut=False)
    assert counting.counts() == {"bytes": 5, "flows": 1}
    assert counting.telemetry.snapshot()["ingest_empty"] == {"in": 4}


def test_a_last_message_that_cannot_be_decoded_is_told(tmp_path: Path, opened: ExitStack) -> None:
    """Not one before it, nor one before an empty message."""
    counting = Counting(tmp_path, opened)
    assert counting.count(FLOW, JUNK).cut
    assert not counting.count(JUNK, FLOW).cut
    assert not counting.count(FLOW, JUNK, b"").cut


def test_too_many_rejects_end_it(tmp_path: Path, opened: ExitStack) -> None:
    counting = Counting(tmp_path, opened)
    counting.count(JUNK, JUNK)
    with pytest.raises(TooManyDeadLettersError):
        counting.count(JUNK)


def test_counted_once_more_is_only_what_has_changed(tmp_path: Path, opened: ExitStack) -> None:
    """No message is read, and none rejected, anew."""
    counting = Counting(tmp_path, opened, recounts=True)
    counting.counter.count_again(counting.source, [FLOW, JUNK, b"", FLOW])
    assert counting.counts() == {"bytes": 10}
    assert not counting.letters.read_text()
    assert counting.telemetry.snapshot()["stage_flows_in"]["in"] == 0


def test_nobody_is_asked_while_no_stage_remembers(tmp_path: Path, opened: ExitStack) -> None:
    counting = Counting(tmp_path, opened)
    assert not counting.counter.count_idle([counting.source])
