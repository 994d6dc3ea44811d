"""When counts are saved, and when senders are told that what they sent is durable."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.dead_letters.file import DeadLetterFile
from pipeline.exposition.self_metrics import Telemetry
from pipeline.plan.compile import compile_plan
from pipeline.runtime.file_checkpointer import FileCheckpointer
from pipeline.runtime.local_input import LocalInput
from pipeline.runtime.recount import Recount
from pipeline.stage import Awaited, BuildContext
from pipeline.state import checkpoint_file
from pipeline.state.checkpoint_file import FileCheckpoint, Progress
from pipeline.state.ledger import Ledger
from pipeline.state.memories import Memories
from stages.encode_prometheus import EncodePrometheus, Metric
from stages.ingest_file import IngestFile
from tests.runtime.support import Clock

COUNTED = Progress(messages=7, opening=7, head="h")
INTERVAL = 10.0


class Parts:
    """A checkpointer over a small plan, with a clock of its own."""

    def __init__(self, folder: Path | None, recount: Recount) -> None:
        stages = [
            IngestFile(name="in", path="x", decoder="json"),
            EncodePrometheus(name="e", follows="in", metrics=[Metric(name="flows")]),
        ]
        plan = compile_plan(stages, BuildContext())
        self.folder, self.clock = folder, Clock()
        self.ledger = Ledger(plan.families)
        self.recount = recount
        self.settled: list[str] = []
        self.without: set[str] = set()
        self.checkpointer = FileCheckpointer(
            folder,
            INTERVAL,
            ledger=self.ledger,
            memories=Memories({}),
            without=self.without,
            progress=LocalInput(plan.sources, {"in": COUNTED}, recount, self.settled.append),
            recount=recount,
            letters=DeadLetterFile(None),
            telemetry=Telemetry(plan, process=False),
            clock=self.clock,
        )

    def wait_for(self, what: str) -> None:
        """Let a sender wait."""
        self.checkpointer.settle_later(Awaited([b"x"], lambda: self.settled.append(what)))

    def saved(self) -> dict[str, Progress] | None:
        """The progress on disk; None before there is any."""
        assert self.folder
        if not (self.folder / "ledger.checkpoint").exists():
            return None
        return dict(checkpoint_file.load(self.folder, self.ledger).progress)


@pytest.fixture
def parts(tmp_path: Path) -> Parts:
    return Parts(tmp_path / "state", Recount(FileCheckpoint(), ()))


def test_it_saves_after_the_interval(parts: Parts) -> None:
    parts.checkpointer.is_behind = True
    parts.clock.now += INTERVAL - 1
    parts.checkpointer.when_due()
    assert (parts.saved(), parts.checkpointer.is_behind) == (None, True)
    parts.clock.now += 1
    parts.checkpointer.when_due()
    assert (parts.saved(), parts.checkpointer.is_behind) == ({"in": COUNTED}, False)


def test_for_a_sender_that_waits_it_saves_at_once(parts: Parts) -> None:
    parts.wait_for("one")
    assert parts.checkpointer.is_awaited()
    parts.checkpointer.when_due()
    assert parts.saved() == {"in": COUNTED}
    assert (parts.settled, parts.checkpointer.is_awaited()) == (["one"], False)


def test_metrics_that_began_in_between_are_left_out(parts: Parts) -> None:
    """The caller says which, at any time."""
    parts.without.add("flows")
    parts.checkpointer.save()
    assert parts.folder
    assert checkpoint_file.load(parts.folder, parts.ledger).added == {"flows"}


def test_before_a_recount_is_done_nothing_is_durable(tmp_path: Path) -> None:
    recount = Recount(FileCheckpoint(changed=frozenset("x")), ["in"])
    parts = Parts(tmp_path / "state", recount)
    parts.wait_for("one")
    parts.checkpointer.save()
    assert (parts.saved(), parts.settled) == (None, [])
    recount.end("in", 0)
    parts.checkpointer.save()
    assert (parts.saved(), parts.settled) == ({"in": COUNTED}, ["one"])


def test_without_a_folder_what_is_counted_is_durable() -> None:
    parts = Parts(None, Recount(FileCheckpoint(), ()))
    parts.wait_for("one")
    parts.checkpointer.save()
    assert parts.settled == ["one"]
