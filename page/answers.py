"""Answers that are kept while what was seen is the same: a poll without news costs nothing."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from concurrent.futures import Future
from threading import Lock
from typing import Any, TypeVar

from page.source import Seen

T = TypeVar("T")
_MOST = 16


class Answers:
    """The latest answers to questions about one `Seen`; others make them anew.

    Five pages that ask the same at once cost one answer: the others wait for it, and no other
    question does.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._seen: Seen | None = None
        self._kept: dict[Hashable, Future[Any]] = {}

    def get(self, seen: Seen, question: Hashable, make: Callable[[], T]) -> T:
        """The answer to a question, made if it is not kept."""
        found, is_new = self._place(seen, question)
        if is_new:
            try:
                found.set_result(make())
            except BaseException as error:
                found.set_exception(error)
                self._drop(question, found)
                raise
        answer: T = found.result()
        return answer

    def _place(self, seen: Seen, question: Hashable) -> tuple[Future[Any], bool]:
        """Where the answer is or will be, and whether it is still to be made."""
        with self._lock:
            if self._seen is not seen:
                self._seen, self._kept = seen, {}
            kept = self._kept.pop(question, None)
            found = kept or Future[Any]()
            self._kept[question] = found
            while len(self._kept) > _MOST:
                del self._kept[next(iter(self._kept))]
            return found, kept is None

    def _drop(self, question: Hashable, found: Future[Any]) -> None:
        with self._lock:
            if self._kept.get(question) is found:
                del self._kept[question]
