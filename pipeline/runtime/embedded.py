"""A plan over local sources, files and standard input, run in this process."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, nullcontext
from functools import partial
from pathlib import Path
from typing import NamedTuple

import msgspec

from pipeline.dead_letters.file import DeadLetterFile
from pipeline.dead_letters.limit import DlqLimit
from pipeline.exposition.self_metrics import Telemetry
from pipeline.heap import Rest
from pipeline.plan.live import ActivePlan
from pipeline.plan.plan import Plan
from pipeline.runtime.batch_counter import BatchCounter
from pipeline.runtime.delivery import Blocking
from pipeline.runtime.file_checkpointer import FileCheckpointer
from pipeline.runtime.local_input import LocalInput, Messages
from pipeline.runtime.outputs import Outputs
from pipeline.runtime.recount import Recount
from pipeline.stage import Awaited, SourceContext
from pipeline.state import checkpoint_file
from pipeline.state.checkpoint_file import FileCheckpoint
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
    """Seconds between two checkpoints, when there is a state, and no sender waits for one."""


class _Parts(NamedTuple):
    """What a run is made of."""

    messages: LocalInput
    counter: BatchCounter
    checkpointer: FileCheckpointer


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
        self._memories = Memories(live.plan.remembering)
        self._input: LocalInput | None = None
        self._partial: set[str] = set()
        """Metrics that began while the input was under way are not in the state: see `Recount`."""
        self._stopping = threading.Event()
        self._rest = Rest()
        self.reason = ""
        live.on_swap(self._adopted)

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
        with locked(state) if state else nullcontext(), ExitStack() as opened:
            self._run(self._parts(self._saved(), opened), opened, advance)

    def _saved(self) -> FileCheckpoint:
        if not self._options.state:
            return FileCheckpoint()
        return checkpoint_file.load(self._options.state, self._ledger, self._memories)

    def _run(self, parts: _Parts, opened: ExitStack, advance: Callable[[int], None]) -> None:
        messages, counter, checkpointer = parts
        context = SourceContext(
            self._plan.context.folder,
            self._stopping,
            partial(self._idle, parts),
            measures=self._telemetry,
            state=self._options.state,
        )
        for some in messages.read(context, opened, checkpointer.is_awaited):
            if some.known:
                counter.count_again(some.source, some.payloads)
            else:
                self._advance(some, parts, advance)
                if self._stopping.is_set():
                    break
            del some  # the next ones may be long in coming
            self._rest.work()
        checkpointer.save()

    def _advance(self, some: Messages, parts: _Parts, advance: Callable[[int], None]) -> None:
        for done in self._count(some, parts):
            advance(done)
            parts.checkpointer.when_due()

    def _count(self, some: Messages, parts: _Parts) -> Iterator[int]:
        """Count messages, up to a stop; gives the number of each part that may be saved.

        What senders wait for is counted as a whole, and saved as a whole.
        """
        source, payloads, _ = some
        done = 0
        awaited = isinstance(payloads, Awaited)
        while done < len(payloads) and (awaited or not self._stopping.is_set()):
            parts.checkpointer.is_behind = True
            counted = parts.counter.count(source, payloads[done:])
            parts.messages.counted(source, counted.messages, cut=counted.cut)
            done += counted.messages
            if not awaited:
                yield counted.messages
        if isinstance(payloads, Awaited):
            parts.checkpointer.settle_later(payloads)
            yield done

    def _idle(self, parts: _Parts) -> None:
        """No flow has come for a moment."""
        self._rest.wait()
        if parts.counter.count_idle(self._plan.sources) or parts.checkpointer.is_behind:
            parts.checkpointer.when_due()

    def _parts(self, saved: FileCheckpoint, opened: ExitStack) -> _Parts:
        options = self._options
        lasting = [source.name for source in self._plan.sources if not source.serves]
        recount = Recount(saved, lasting)
        self._input = LocalInput(
            self._plan.sources, saved.progress, recount, self._telemetry.by_source.resume
        )
        letters = opened.enter_context(
            DeadLetterFile(options.dead_letters, saved.dead_letters, options.max_bytes)
        )
        lost = partial(self._telemetry.add, "records_lost")
        writers, folder = self._plan.writers, self._plan.context.folder
        delivery = opened.enter_context(
            Blocking(writers, folder, lost, self._outputs, self._stopping)
        )
        counter = BatchCounter(
            self._live,
            ledger=self._ledger,
            memories=self._memories,
            recount=recount,
            limit=DlqLimit(options.max_ratio, options.max_consecutive),
            letters=letters,
            delivery=delivery,
            telemetry=self._telemetry,
            stopping=self._stopping,
        )
        checkpointer = FileCheckpointer(
            options.state,
            options.checkpoint,
            ledger=self._ledger,
            memories=self._memories,
            without=self._partial,
            progress=self._input,
            recount=recount,
            letters=letters,
            telemetry=self._telemetry,
        )
        return _Parts(self._input, counter, checkpointer)

    def _adopted(self, plan: Plan, unchanged: Collection[str]) -> None:
        """A reload has taken over."""
        self._memories.go_on(plan.remembering)
        if self._input is not None and self._input.is_under_way:
            self._partial.update(plan.families)
            self._partial.difference_update(unchanged)
