"""A batch on which a stage fails, piece by piece: what fails alone is rejected, the rest counted.

A run of a plan has no effects, so an attempt that failed has left nothing behind. A piece is half
as long after each failure and twice as long after each success: a message that makes a stage fail
costs some twenty attempts, and where all do, there is one attempt for each.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from textwrap import shorten

from pipeline.plan.outcome import Counts, Outcome, Reject, StageError
from pipeline.plan.plan import Plan
from pipeline.state.memories import Memories

_REASON = 500  # characters; Polars can quote whole frames
_log = logging.getLogger(__name__)


class PoisonIsolator:
    """Runs plans; remembers between calls how long a piece may be, and which failures it logged.

    It also numbers the messages: the number of a message, and with it what is drawn for it, does
    not depend on the pieces it is run in.
    """

    def __init__(self) -> None:
        self._most = 0  # messages; 0: a whole batch
        self._first = 0
        self._logged: set[tuple[str, str]] = set()

    def run(
        self, plan: Plan, source: str, payloads: list[bytes], memories: Memories | None = None
    ) -> Outcome:
        """What the plan gives for the payloads; once a stage fails, for a first part of them.

        Call it again with the payloads behind `Outcome.messages`, once the `memories` have adopted
        its changes. A message on which a stage fails is rejected as a whole: nothing of it is
        counted anywhere.
        """
        outcome = self._attempt(plan, source, payloads, memories)
        self._first += outcome.messages
        return outcome

    def run_parts(
        self, plan: Plan, source: str, payloads: list[bytes], parts: Sequence[int]
    ) -> Outcome | None:
        """What the plan gives for a batch of parts, of so many payloads each.

        None where it cannot be told apart: a stage remembers, fails, rejects a flow, or loses PART.
        """
        if plan.remembering or self._most:
            return None
        if not payloads:
            return Outcome()
        try:
            outcome = plan.run(source, payloads, self._first, parts=parts)
        except StageError:
            return None
        if not outcome.separable:
            return None
        self._first += outcome.messages
        return outcome

    def _attempt(
        self, plan: Plan, source: str, payloads: list[bytes], memories: Memories | None
    ) -> Outcome:
        size = min(self._most or len(payloads), len(payloads))
        while True:
            try:
                outcome = plan.run(source, payloads[:size], self._first, memories)
            except StageError as failure:
                self._log(failure)
                if size <= 1:
                    self._most = 1
                    return _rejected(source, payloads[:size], failure)
                size //= 2
            else:
                self._most = 0 if size == len(payloads) else 2 * size
                return outcome

    def _log(self, failure: StageError) -> None:
        kind = failure.stage, type(failure.error).__name__
        if kind not in self._logged:
            self._logged.add(kind)
            _log.error("%s; messages that make it fail are rejected", _reason(failure))
            _log.debug("because of", exc_info=failure.error)


def _reason(failure: StageError) -> str:
    return shorten(str(failure), _REASON, placeholder=" ...")


def _rejected(source: str, payloads: list[bytes], failure: StageError) -> Outcome:
    count, reason, error = len(payloads), _reason(failure), type(failure.error).__name__
    return Outcome(
        count,
        rejects=[
            Reject(failure.stage, reason, payload, index, error)
            for index, payload in enumerate(payloads)
        ],
        counts={source: Counts(flows_in=count, rejected=count)},
    )
