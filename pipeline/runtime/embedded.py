"""A plan over local sources, files and standard input, run in this process."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Collection, Generator, Iterator
from contextlib import ExitStack, nullcontext
from dataclasses import replace
from functools import partial
from itertools import chain
from pathlib import Path

import msgspec

from pipeline.dead_letters.file import DeadLetterFile
from pipeline.dead_letters.limit import DlqLimit
from pipeline.exposition.self_metrics import Telemetry
from pipeline.plan.bisect import PoisonIsolator
from pipeline.plan.live import ActivePlan
from pipeline.plan.outcome import Outcome
from pipeline.plan.plan import Plan
from pipeline.runtime.delivery import Blocking
from pipeline.runtime.outputs import Outputs
from pipeline.runtime.recount import Recount
from pipeline.stage import Awaited, Source, SourceContext
from pipeline.state import checkpoint_file
from pipeline.state.checkpoint_file import FileCheckpoint, Progress
from pipeline.state.ledger import Ledger
from pipeline.state.lock import locked
from pipeline.state.memories import Memories

_GLANCE, _MOMENT = 0.1, 0.01
"""Seconds between two looks at what servers were sent, unless they say that there is a batch; the
latter while senders wait."""
_MANY_EMPTY = 1_000_000

_log = logging.getLogger(__name__)


class EmbeddedOptions(msgspec.Struct, frozen=True):
    """How a run behaves: where state and dead letters go, and the limits on bad input."""

    state: Path | None = None
    dead_letters: Path | None = None
    max_bytes: int = 0
    max_ratio: float = 0.0
    max_consecutive: int = 0
    checkpoint: float = 2.0
    """Seconds between two checkpoints, when there is a state, and no sender waits for one."""


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
        self._awaited: list[Awaited] = []
        self._saved = 0.0
        self._saving = 0.0
        self._unsaved = False
        self._empty = 0
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
        lasting = [source.name for source in self._plan.sources if not source.serves]
        self._recount = Recount(saved, lasting)
        with (
            DeadLetterFile(
                self._options.dead_letters, saved.dead_letters, self._options.max_bytes
            ) as letters,
            Blocking(
                self._plan.writers,
                self._sources.folder,
                partial(self._telemetry.add, "records_lost"),
                self._outputs,
                self._stopping,
            ) as delivery,
            ExitStack() as servers,
        ):
            self._saved = time.monotonic()
            waiting = partial(self._wait, state, letters, delivery)
            self._sources = replace(
                self._sources, waiting=waiting, measures=self._telemetry, state=state
            )
            for source, payloads in self._input(letters, servers):
                for done in self._batches(source, payloads, letters, delivery):
                    advance(done)
                    self._save_when_due(state, letters)
                if self._stopping.is_set():
                    break
            self._end_of_input(state, letters)

    def _batches(
        self, source: Source, payloads: list[bytes], letters: DeadLetterFile, delivery: Blocking
    ) -> Iterator[int]:
        """Count a run of payloads, up to a stop; gives the number of each part that may be saved.

        What senders wait for is counted as a whole, and saved as a whole.
        """
        done = 0
        awaited = isinstance(payloads, Awaited)
        while done < len(payloads) and (awaited or not self._stopping.is_set()):
            more = self._batch(source, payloads[done:], letters, delivery)
            done += more
            if not awaited:
                yield more
        if isinstance(payloads, Awaited):
            self._awaited.append(payloads)
            yield done

    def _end_of_input(self, state: Path | None, letters: DeadLetterFile) -> None:
        self._telemetry.remembered(self._memories.measures())
        if state:
            self._save(state, letters)
        self._settle()

    def _wait(self, state: Path | None, letters: DeadLetterFile, delivery: Blocking) -> None:
        """No flow has come for a moment: stages that remember may have something to say."""
        idle = self._memories.is_idle(self._live.plan.context.clock()) and self._recount.done
        for source in self._plan.sources if idle else ():
            self._count(source, [], letters, delivery)
        if idle or self._unsaved:
            self._save_when_due(state, letters)

    def _save_when_due(self, state: Path | None, letters: DeadLetterFile) -> None:
        """Save after the interval; where senders wait, at once, for half of the time at most."""
        begun = time.monotonic()
        interval = self._options.checkpoint
        if begun < self._saved + (min(interval, self._saving) if self._awaited else interval):
            return
        self._telemetry.remembered(self._memories.measures())
        if state:
            self._save(state, letters)
        self._settle()
        self._saved = time.monotonic()
        self._saving = self._saved - begun
        self._unsaved = False

    def _settle(self) -> None:
        """Tell those who wait that what they gave is durable; all but a recount is, once saved."""
        if self._recount.done:
            for awaited in self._awaited:
                awaited.settle()
            self._awaited.clear()

    def _batch(
        self, source: Source, payloads: list[bytes], letters: DeadLetterFile, delivery: Blocking
    ) -> int:
        """Count the payloads, or a first part of them when a stage fails; returns how many."""
        filled = _filled(payloads)
        self._unsaved = True
        outcome = self._count(source, filled, letters, delivery) if filled else Outcome()
        done = _before(payloads, filled, outcome.messages)
        self._note_empty(source, done, outcome.messages)
        before = self._progress[source.name]
        self._progress[source.name] = msgspec.structs.replace(
            before, messages=before.messages + done
        )
        last = outcome.messages - 1 if payloads[done - 1] else None
        self._cut[source.name] = not source.serves and any(
            r.index == last and not r.error for r in outcome.rejects
        )
        if not source.serves:  # whoever sends to a server could end it
            self._limit.check(outcome.messages, outcome.rejected_messages())
        return done

    def _note_empty(self, source: Source, done: int, filled: int) -> None:
        """Count messages that were passed over; of very many in a row, say so while they last."""
        self._telemetry.add("ingest_empty", done - filled, source.name)
        before = self._empty
        self._empty = 0 if filled else before + done
        if before < _MANY_EMPTY <= self._empty:
            _log.warning(
                "stage %s: more than %d messages in a row are empty, as zeros read: is this a "
                "recording, is this the decoder?",
                *(source.name, _MANY_EMPTY),
            )

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

    def _input(
        self, letters: DeadLetterFile, opened: ExitStack
    ) -> Iterator[tuple[Source, list[bytes]]]:
        """The messages of every source, until a stop: finite sources first, servers at last."""
        servers = [source for source in self._plan.sources if source.serves]
        others = [source for source in self._plan.sources if not source.serves]
        for source in sorted(others, key=lambda source: source.live):
            if self._stopping.is_set():
                return
            for payloads in self._payloads(source, letters):
                yield source, payloads
        yield from self._served(servers, opened)

    def _served(
        self, servers: list[Source], opened: ExitStack
    ) -> Iterator[tuple[Source, list[bytes]]]:
        """What is sent to the servers, each in turn; what was counted before is not sent again.

        They are open until `opened` is closed, so that they can say what has become of it.
        """
        given: list[tuple[Source, Iterator[list[bytes]]]] = []
        for source in servers:
            saved = self._progress.get(source.name, Progress())
            progress = Progress(before=saved.before + saved.messages)
            self._progress[source.name] = progress
            self._recount.pass_by(source.name, progress.before)
            chunks = source.chunks(self._sources)
            if isinstance(chunks, Generator):
                opened.callback(chunks.close)
            given.append((source, chunks))
        while given and not self._stopping.is_set():
            self._sources.arrived.clear()
            runs = [(source, next(chunks, [])) for source, chunks in given]
            yield from ((source, payloads) for source, payloads in runs if payloads)
            if not any(payloads for _, payloads in runs):
                self._sources.waiting()
                self._sources.arrived.wait(_MOMENT if self._awaited else _GLANCE)

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
        if skip and self._stopping.is_set():
            return
        if skip:
            _log.warning(
                "stage %s: %d messages were counted of this input, and it has %d fewer now: was it "
                "cut? As many new ones at its end would count as known",
                *(source.name, progress.messages, skip),
            )
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
        goes_on = saved.continues(head) or self._stopping.is_set()  # which ends the input early
        progress = saved if goes_on else Progress.start(head, saved.before + saved.messages)
        if progress.before + progress.messages:
            self._telemetry.by_source.resume(source.name)
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
        lasting = [source.name for source in self._plan.sources if not source.serves]
        if any(self._progress[name].messages for name in lasting if name in self._progress):
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
        letters.sync()
        saved = FileCheckpoint(progress, letters.size)
        checkpoint_file.save(folder, self._ledger, saved, self._partial, self._memories)


def _filled(payloads: list[bytes]) -> list[bytes]:
    """The payloads that have content, or a reason to be rejected."""
    return list(filter(None, payloads)) if b"" in payloads else payloads


def _before(payloads: list[bytes], filled: list[bytes], done: int) -> int:
    """How many payloads the first `done` with content are, those without between them included."""
    if done == len(filled):
        return len(payloads)
    if filled is payloads:
        return done
    return [place for place, payload in enumerate(payloads) if payload][done]
