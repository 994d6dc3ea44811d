"""Answers that are kept while what was seen is the same: a poll without news costs nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from threading import Lock
from typing import Any, TypeVar

from page.source import Seen

T = TypeVar("T")
_MOST = 16


class _Answer:
    """An answer, or that it is being made; `edition` is that of what it was made from.

    It stands until `until` (of the monotonic clock) even if something else was seen meanwhile.
    """

    def __init__(self, edition: int) -> None:
        self.edition = edition
        self.future = Future[Any]()
        self.until = 0.0


class Answers:
    """The latest answers to questions about what was seen.

    Five pages that ask the same at once cost one answer: the others wait for it, and no other
    question does. An answer that took long is not made again before `share` times as long has
    passed, whatever is seen meanwhile.
    """

    def __init__(self, share: int = 0) -> None:
        self._share = share
        self._lock = Lock()
        self._seen: Seen | None = None
        self._edition = 0
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
            ended = time.monotonic()
            answer.until = ended + self._share * (ended - begun)
            answer.future.set_result(made)
        found: T = answer.future.result()
        return found

    def _place(self, seen: Seen, question: Hashable) -> tuple[_Answer, bool]:
        """Where the answer is or will be, and whether it is still to be made."""
        with self._lock:
            if self._seen is not seen:
                self._seen, self._edition = seen, self._edition + 1
            kept = self._kept.pop(question, None)
            stands = kept and (
                kept.edition == self._edition
                or not kept.future.done()
                or time.monotonic() < kept.until
            )
            answer = kept if kept and stands else _Answer(self._edition)
            self._kept[question] = answer
            while len(self._kept) > _MOST:
                del self._kept[next(iter(self._kept))]
            return answer, answer is not kept

    def _drop(self, question: Hashable, answer: _Answer) -> None:
        with self._lock:
            if self._kept.get(question) is answer:
                del self._kept[question]
