"""A plan over local sources, files and standard input, run in this process."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from itertools import chain
from pathlib import Path

import msgspec

from pipeline.dead_letters.file import DeadLetterFile
from pipeline.dead_letters.limit import DlqLimit
from pipeline.decode.splitting import Damaged
from pipeline.exposition.self_metrics import Telemetry
from pipeline.plan.bisect import PoisonIsolator
from pipeline.plan.live import ActivePlan
from pipeline.plan.outcome import Outcome
from pipeline.plan.plan import Plan
from pipeline.runtime.delivery import Blocking
from pipeline.runtime.outputs import Outputs
from pipeline.runtime.recount import Recount
from pipeline.stage import Source, SourceContext
from pipeline.state import checkpoint_file
from pipeline.state.checkpoint_file import FileCheckpoint, Progress
from pipeline.state.ledger import Ledger
from pipeline.state.lock import locked
from pipeline.state.memories import Memories


class EmbeddedOptions(msgspec.Struct, frozen=True):
    """How a run behaves: where state and dead letters go, and the limits on bad input."""

    state: Path | None = None
    dead_letters: Path | None = None
    max_bytes: int = 0
    max_ratio: float = 0.0
    max_consecutive: int = 0
    checkpoint: float = 2.0
    """Seconds between two checkpoints, when there is a state."""


class Embedded:
    """One run of a plan over its local sources; `stop()` ends it after the batch under way."""

    def __init__(
        self,
        live: ActivePlan,
        ledger: Ledger,
        telemetry: Telemetry,
        outputs: Outputs,
        options: EmbeddedOptions,
    ) -> None:
        self._live = live
        self._plan = live.plan  # a reload changes neither its sources nor where it publishes to
        self._ledger = ledger
        self._telemetry = telemetry
        self._outputs = outputs
        self._options = options
        self._limit = DlqLimit(options.max_ratio, options.max_consecutive)
        self._pieces = PoisonIsolator()
        self._progress: dict[str, Progress] = {}
        self._openings: dict[str, list[bytes]] = {}
        self._cut: dict[str, bool] = {}
        self._partial: set[str] = set()
        self._saved = 0.0
        self._recount = Recount(FileCheckpoint(), ())
        live.on_swap(self._adopted)
        self._memories = self._again = Memories(live.plan.remembering)
        self._stopping = threading.Event()
        self._sources = SourceContext(self._plan.context.folder, self._stopping)
        self.reason = ""

    def stop(self) -> None:
        """End the run after the batch under way."""
        self._stopping.set()

    def wait(self) -> None:
        """Return when `stop()` was called."""
        self._stopping.wait()

    def run(self, advance: Callable[[int], None] = lambda _: None) -> None:
        """Read every source to its end, the finite ones first.

        `advance` is told the number of messages of each batch. Raises TooManyDeadLettersError,
        CheckpointError, BrokerError (records that no topic takes) and OSError (unreadable input).
        """
        state = self._options.state
        with locked(state) if state else nullcontext():
            self._run(state, advance)

    def _run(self, state: Path | None, advance: Callable[[int], None]) -> None:
        saved = (
            checkpoint_file.load(state, self._ledger, self._memories) if state else FileCheckpoint()
        )
        self._again = self._memories.beside()
        self._progress = dict(saved.progress)
        self._recount = Recount(saved, [source.name for source in self._plan.sources])
        with (
            DeadLetterFile(
                self._options.dead_letters, saved.dead_letters, self._options.max_bytes
            ) as letters,
            Blocking(
                self._sources.folder,
                partial(self._telemetry.add, "records_lost"),
                self._outputs,
                self._stopping,
            ) as delivery,
        ):
            self._saved = time.monotonic()
            waiting = partial(self._wait, state, letters, delivery)
            self._sources = replace(self._sources, waiting=waiting)
            for source, payloads in self._input(letters):
                rest = payloads
                while rest and not self._stopping.is_set():
                    done = self._batch(source, rest, letters, delivery)
                    rest = rest[done:]
                    advance(done)
                    self._save_when_due(state, letters)
                if self._stopping.is_set():
                    break
            self._telemetry.remembered(self._memories.measures())
            if state:
                self._save(state, letters)

    def _wait(self, state: Path | None, letters: DeadLetterFile, delivery: Blocking) -> None:
        """No flow has come for a moment: stages that remember may have something to say."""
        if not self._memories.is_idle(self._live.plan.context.clock()) or not self._recount.done:
            return
        for source in self._plan.sources:
            self._count(source, [], letters, delivery)
        self._save_when_due(state, letters)

    def _save_when_due(self, state: Path | None, letters: DeadLetterFile) -> None:
        if time.monotonic() < self._saved + self._options.checkpoint:
            return
        self._telemetry.remembered(self._memories.measures())
        if state:
            self._save(state, letters)
        self._saved = time.monotonic()

    def _batch(
        self, source: Source, payloads: list[bytes], letters: DeadLetterFile, delivery: Blocking
    ) -> int:
        """Count the payloads, or a first part of them when a stage fails; returns how many."""
        filled = _filled(payloads)
        outcome = self._count(source, filled, letters, delivery) if filled else Outcome()
        done = _before(payloads, filled, outcome.messages)
        self._telemetry.add("ingest_empty", done - outcome.messages, source.name)
        before = self._progress[source.name]
        self._progress[source.name] = msgspec.structs.replace(
            before, messages=before.messages + done
        )
        last = None if _is_empty(payloads[done - 1]) else outcome.messages - 1
        self._cut[source.name] = any(r.index == last and not r.error for r in outcome.rejects)
        self._limit.check(outcome.messages, outcome.rejected_messages())
        return done

    def _count(
        self, source: Source, filled: list[bytes], letters: DeadLetterFile, delivery: Blocking
    ) -> Outcome:
        """Run payloads that have content, or a first part of them, and keep what they gave."""
        with self._live.batch(self._stopping) as plan:
            self._memories.now = plan.context.clock()
            outcome = self._pieces.run(plan, source.name, filled, self._memories)
            letters.write(outcome.rejects)
            delivery.deliver(outcome.records)
            self._ledger.merge(outcome.deltas, self._memories.now)
            self._memories.adopt(outcome.changes)
            self._telemetry.batch(source.name, outcome.messages, outcome)
            self._live.observe(source.name, filled[: outcome.messages])
        return outcome

    def _input(self, letters: DeadLetterFile) -> Iterator[tuple[Source, list[bytes]]]:
        """The messages of every source in turn, the finite sources first, until a stop."""
        for source in sorted(self._plan.sources, key=lambda source: source.live):
            if self._stopping.is_set():
                return
            for payloads in self._payloads(source, letters):
                yield source, payloads

    def _payloads(self, source: Source, letters: DeadLetterFile) -> Iterator[list[bytes]]:
        """The messages of a source that the saved counts do not include.

        Those that they include are counted once more in metrics that have no counts of them.
        """
        chunks = source.chunks(self._sources)
        held = self._open(source, chunks)
        progress = self._progress[source.name]
        self._recount.begin(source.name, progress)
        skip = progress.messages
        for payloads in chain(held, chunks):
            known, fresh = payloads[:skip], payloads[skip:]
            skip -= len(known)
            if known and self._recount.wants(source.name):
                self._count_again(source, known, letters)
            if self._stopping.is_set():
                return
            if fresh:
                self._recount.end(source.name, 0)
                yield fresh
        self._recount.end(source.name, skip)

    def _open(self, source: Source, chunks: Iterator[list[bytes]]) -> list[list[bytes]]:
        """Find out how much of an input was counted; the messages that were read for that."""
        saved = self._progress.get(source.name, Progress())
        held: list[list[bytes]] = []
        head: list[bytes] = []
        for payloads in chunks:
            held.append(payloads)
            head += payloads
            if len(head) >= saved.opening:
                break
        goes_on = saved.continues(head)
        progress = saved if goes_on else Progress.start(head, saved.before + saved.messages)
        self._progress[source.name] = progress
        self._openings[source.name] = head[: progress.opening]
        return held

    def _count_again(self, source: Source, payloads: list[bytes], letters: DeadLetterFile) -> None:
        """Count messages in the metrics that miss them, and in no other."""
        rest = _filled(payloads)
        while rest and not self._stopping.is_set():
            with self._live.batch(self._stopping) as plan:
                outcome = self._pieces.run(plan, source.name, rest, self._again)
                self._again.adopt(outcome.changes)
                part = self._recount.part(plan, source.name, outcome)
                letters.write(part.rejects)
                self._ledger.merge(part.deltas, time.time())
                self._telemetry.batch(source.name, 0, part)
            rest = rest[outcome.messages :]

    def _adopted(self, plan: Plan, unchanged: Collection[str]) -> None:
        """Metrics that begin while the input is under way are not in the state: see `Recount`."""
        self._memories.go_on(plan.remembering)
        if any(done.messages for done in self._progress.values()):
            self._partial = (self._partial | plan.families.keys()) - set(unchanged)

    def _save(self, folder: Path, letters: DeadLetterFile) -> None:
        """Save counts and progress. A last message that cannot be decoded is read again next time.

        It may be the beginning of a message that was being written.
        """
        if not self._recount.done:
            return
        progress = {
            name: done.without_last(self._openings[name]) if self._cut.get(name) else done
            for name, done in self._progress.items()
        }
        saved = FileCheckpoint(progress, letters.size)
        checkpoint_file.save(folder, self._ledger, saved, self._partial, self._memories)


def _filled(payloads: list[bytes]) -> list[bytes]:
    """The payloads that have content, or a reason to be rejected."""
    if b"" not in payloads:
        return payloads
    return [payload for payload in payloads if not _is_empty(payload)]


def _before(payloads: list[bytes], filled: list[bytes], done: int) -> int:
    """How many payloads the first `done` with content are, those without between them included."""
    if done == len(filled):
        return len(payloads)
    if filled is payloads:
        return done
    return [place for place, payload in enumerate(payloads) if not _is_empty(payload)][done]


def _is_empty(payload: bytes) -> bool:
    return not payload and not isinstance(payload, Damaged)
