"""What is rejected lately: a stage that rejects most of what comes is said to, once."""

from __future__ import annotations

import logging
import time
from array import array
from collections.abc import Callable, Iterable
from textwrap import shorten

from pipeline.diagnostics import printable
from pipeline.plan.outcome import Outcome, Reject

_SECONDS = 10.0
_LEAST = 100
_FEW = 10
"""Of fewer, nothing is said: a poisonous first message is not most of what comes."""
_MOST_REASON = 300  # characters
_FINE = 0.25
"""The share below which a stage that was said to reject most is fine again."""
_log = logging.getLogger(__name__)


class _Window:
    """What came to a stage in the last 10 s, and the last 100 of it if that is more.

    Of each batch, when it came, how much came and was rejected. They are in arrays: objects for
    each batch of each stage would pin the arenas of Python's allocator, wherever there was room.
    """

    def __init__(self) -> None:
        self.came = self.rejected = 0
        self.problem = ""
        self._at, self._came, self._rejected = array("d"), array("q"), array("q")

    def add(self, at: float, came: int, rejected: int) -> None:
        self._at.append(at)
        self._came.append(came)
        self._rejected.append(rejected)
        self.came += came
        self.rejected += rejected
        old = 0
        while self._at[old] < at - _SECONDS and self.came - self._came[old] >= _LEAST:
            self.came -= self._came[old]
            self.rejected -= self._rejected[old]
            old += 1
        del self._at[:old], self._came[:old], self._rejected[:old]

    @property
    def share(self) -> float:
        """Of what came, what was rejected (0 to 1)."""
        return self.rejected / self.came if self.came else 0.0


class RecentRejects:
    """Which stages reject most of what came lately: messages at a source, else flows.

    One that does is logged when it begins, with the first reason and, at a source, with a guess
    what the messages are. It is fine again when less than a quarter is rejected. Written by one
    thread at a time; any thread may read. `clock` gives seconds from any start.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._windows: dict[str, _Window] = {}

    def add(self, source: str, outcome: Outcome, *, quiet: bool) -> None:
        """Take what a batch of a source gave; `quiet`: log nothing."""
        now = self._clock()
        for stage, counts in outcome.counts.items():
            if not counts.flows_in:
                continue
            window = self._windows.setdefault(stage, _Window())
            window.add(now, counts.flows_in, counts.rejected)
            what = "messages" if stage == source else "flows"
            if not window.problem and window.came >= _FEW and window.share > 1 / 2:
                rejects = [reject for reject in outcome.rejects if _of(reject, stage, source)]
                window.problem = _problem(stage, what, window, rejects)
                if not quiet:
                    _log.error("%s", window.problem)
            elif window.problem and window.share < _FINE:
                window.problem = ""
                if not quiet:
                    _log.warning('stage "%s": most %s are accepted again', stage, what)

    def keep(self, stages: Iterable[str]) -> None:
        """Forget all stages but these."""
        kept = set(stages)
        self._windows = {name: window for name, window in self._windows.items() if name in kept}

    def problems(self) -> dict[str, str]:
        """The stages that reject most of what comes, each with what was logged."""
        return {name: w.problem for name, w in list(self._windows.items()) if w.problem}


def _of(reject: Reject, stage: str, source: str) -> bool:
    """Whether a reject is counted at this stage: messages that fail anywhere are at the source."""
    return reject.index >= 0 if stage == source else reject.stage == stage


def _problem(stage: str, what: str, window: _Window, rejects: list[Reject]) -> str:
    text = f'stage "{stage}" rejects most {what}: {window.rejected} of the last {window.came}'
    if not rejects:
        return text
    reason = shorten(printable(rejects[0].reason), _MOST_REASON, placeholder=" ...")
    text += f", the first one because of this: {reason}"
    from pipeline.decode.guess import looks_like  # noqa: PLC0415 - slow, and seldom needed

    undecoded = [one.payload for one in rejects if one.index >= 0 and not one.error]
    return f"{text}. They look like {looks_like(undecoded)}" if undecoded else text
