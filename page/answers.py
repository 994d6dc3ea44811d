"""Answers that are kept while what was seen is the same: a poll without news costs nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from threading import Lock
from typing import Any, TypeVar

from page.source import Seen
from pipeline.heap import give_back

T = TypeVar("T")
_MOST = 16
_FORGET = 120.0
"""Seconds after which an answer is let go that nobody asks for."""
OLDEST = 60.0
"""Seconds that an answer, or what was seen, stands at most while something else is seen."""
_ALONE = 1.5
"""An answer that takes long by itself stands so many times `share` as long, also beyond OLDEST."""


class _Answer:
    """An answer, or that it is being made; `edition` is that of what it was made from.

    It stands until `until` (of the monotonic clock) even if something else was seen meanwhile. It
    `took` so many seconds, and was last asked for at `asked`.
    """

    def __init__(self, edition: int) -> None:
        self.edition = edition
        self.future = Future[Any]()
        self.until = self.took = self.asked = 0.0


class Answers:
    """The latest answers to questions about what was seen.

    Five pages that ask the same at once cost one answer: the others wait for it, and no other
    question does. While flows are counted, an answer is not made again before `share` times as long
    has passed as it takes to make all that are asked for, or a minute where that is longer. It
    is made at once where labels have changed: somebody waits to see it.
    """

    def __init__(self, share: int = 0) -> None:
        self._share = share
        self._lock = Lock()
        self._seen: Seen | None = None
        self._edition = self._labelled = 0
        self._kept: dict[Hashable, _Answer] = {}

    def get(self, seen: Seen, question: Hashable, make: Callable[[], T]) -> T:
        """The answer to a question, made if it is not kept."""
        answer, is_new = self._place(seen, question)
        if is_new:
            begun = time.monotonic()
            try:
                made = make()
            except BaseException as error:
                answer.future.set_exception(error)
                self._drop(question, answer)
                raise
            give_back()
            self._stand(answer, begun)
            answer.future.set_result(made)
        found: T = answer.future.result()
        return found

    def _place(self, seen: Seen, question: Hashable) -> tuple[_Answer, bool]:
        """Where the answer is or will be, and whether it is still to be made."""
        with self._lock:
            if self._seen is not seen:
                self._edition += 1
                if self._seen is None or self._seen.labels != seen.labels:
                    self._labelled = self._edition
                self._seen = seen
            kept = self._kept.pop(question, None)
            stands = kept and (
                kept.edition == self._edition
                or not kept.future.done()
                or (kept.edition >= self._labelled and time.monotonic() < kept.until)
            )
            answer = kept if kept and stands else _Answer(self._edition)
            answer.asked = time.monotonic()
            self._kept[question] = answer
            for oldest in list(self._kept):
                idle = answer.asked - self._kept[oldest].asked > _FORGET
                if not idle and len(self._kept) <= _MOST:
                    break
                del self._kept[oldest]
            return answer, answer is not kept

    def _stand(self, answer: _Answer, begun: float) -> None:
        with self._lock:
            now = time.monotonic()
            answer.took = now - begun
            all_ = answer.took + sum(o.took for o in self._kept.values() if o is not answer)
            alone = _ALONE * self._share * answer.took
            answer.until = now + max(min(self._share * all_, OLDEST), alone)

    def _drop(self, question: Hashable, answer: _Answer) -> None:
        with self._lock:
            if self._kept.get(question) is answer:
                del self._kept[question]
