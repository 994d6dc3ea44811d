"""Counts batches of a run without a broker: through the plan, and into what it keeps."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable
from typing import NamedTuple

from pipeline.dead_letters.file import DeadLetterFile
from pipeline.dead_letters.limit import DlqLimit
from pipeline.exposition.self_metrics import Telemetry
from pipeline.plan.bisect import PoisonIsolator
from pipeline.plan.live import ActivePlan
from pipeline.plan.outcome import Outcome
from pipeline.runtime.delivery import Blocking
from pipeline.runtime.recount import Recount
from pipeline.stage import Source
from pipeline.state.ledger import Ledger
from pipeline.state.memories import Memories

_MANY_EMPTY = 1_000_000
_log = logging.getLogger(__name__)


class Counted(NamedTuple):
    """How many messages were counted, and whether the last of them cannot be decoded."""

    messages: int
    cut: bool


class BatchCounter:
    """Counts messages of a source, or a first part of them when a stage fails.

    Counting raises TooManyDeadLettersError, BrokerError (records that no topic takes) and OSError.
    """

    def __init__(
        self,
        live: ActivePlan,
        *,
        ledger: Ledger,
        memories: Memories,
        recount: Recount,
        limit: DlqLimit,
        letters: DeadLetterFile,
        delivery: Blocking,
        telemetry: Telemetry,
        stopping: threading.Event,
    ) -> None:
        self._live = live
        self._ledger = ledger
        self._memories, self._again = memories, memories.beside()
        self._recount = recount
        self._limit = limit
        self._letters = letters
        self._delivery = delivery
        self._telemetry = telemetry
        self._stopping = stopping
        self._pieces = PoisonIsolator()
        self._empty = 0

    def count(self, source: Source, payloads: list[bytes]) -> Counted:
        """Count the payloads."""
        filled = _filled(payloads)
        outcome = self._run(source, filled) if filled else Outcome()
        done = _before(payloads, filled, outcome.messages)
        self._note_empty(source, done, outcome.messages)
        last = outcome.messages - 1 if payloads[done - 1] else None
        cut = any(reject.index == last and not reject.error for reject in outcome.rejects)
        if not source.serves:  # whoever sends to a server could end it
            self._limit.check(outcome.messages, outcome.rejected_messages())
        return Counted(done, cut)

    def count_idle(self, sources: Iterable[Source]) -> bool:
        """When no flow came for long enough, stages that remember may have something to say.

        Whether they were asked.
        """
        clock = self._live.plan.context.clock
        if not (self._memories.is_idle(clock()) and self._recount.done):
            return False
        for source in sources:
            self._run(source, [])
        return True

    def count_again(self, source: Source, payloads: list[bytes]) -> None:
        """Count messages in the metrics that miss them, and in no other."""
        rest = _filled(payloads)
        while rest and not self._stopping.is_set():
            with self._live.batch(self._stopping) as plan:
                outcome = self._pieces.run(plan, source.name, rest, self._again)
                self._again.adopt(outcome.changes)
                part = self._recount.part(plan, source.name, outcome)
                self._letters.write(part.rejects)
                self._ledger.merge(part.deltas, time.time())
                self._telemetry.batch(source.name, 0, part)
            rest = rest[outcome.messages :]

    def _run(self, source: Source, filled: list[bytes]) -> Outcome:
        """Run payloads that have content, or a first part of them, and keep what they gave."""
        with self._live.batch(self._stopping) as plan:
            self._memories.now = plan.context.clock()
            outcome = self._pieces.run(plan, source.name, filled, self._memories)
            self._letters.write(outcome.rejects)
            self._delivery.deliver(outcome.records)
            self._ledger.merge(outcome.deltas, self._memories.now)
            self._memories.adopt(outcome.changes)
            self._telemetry.batch(source.name, outcome.messages, outcome)
            self._live.observe(source.name, filled[: outcome.messages])
        return outcome

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
