"""Answers that are kept while what was seen is the same: a poll without news costs nothing."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from threading import RLock
from typing import Any, TypeVar

from page.source import Seen

T = TypeVar("T")
_MOST = 16


class Answers:
    """The latest answers to questions about one `Seen`; others make them anew.

    Five pages that ask the same at once cost one answer: the others wait for it.
    """

    def __init__(self) -> None:
        self._lock = RLock()
        self._seen: Seen | None = None
        self._kept: dict[Hashable, Any] = {}

    def get(self, seen: Seen, question: Hashable, make: Callable[[], T]) -> T:
        """The answer to a question, made if it is not kept."""
        with self._lock:
            if self._seen is not seen:
                self._seen, self._kept = seen, {}
            if question in self._kept:
                found: T = self._kept.pop(question)
            else:
                found = make()
            self._kept[question] = found
            while len(self._kept) > _MOST:
                del self._kept[next(iter(self._kept))]
            return found
