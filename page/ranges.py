"""The ranges of providers around what was seen, looked up again when there are other addresses."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from threading import Lock

import polars as pl

from discovery.near import NoRangesError, Question, installed_near
from discovery.peers import unnamed
from page.query import refused
from page.source import Seen


class Ranges:
    """Gives the RANGES that have to do with what was seen; flows between known peers cost nothing.

    `look` finds them for a question.
    """

    def __init__(self, look: Callable[[Question], pl.DataFrame] = installed_near) -> None:
        self._look = look
        self._lock = Lock()
        self._question: Question | None = None
        self._found = pl.DataFrame()

    def __call__(self, seen: Seen) -> pl.DataFrame:
        """The ranges. Raises UnansweredError (503) where they cannot be read."""
        addresses = unnamed(seen.edges(), unanswered=True).rows["address"].unique()
        cidrs = frozenset(text for label in seen.labels for text in label.cidrs)
        question = Question(frozenset(addresses), cidrs)
        with self._lock:
            if question != self._question:
                try:
                    self._found = self._look(question)
                except NoRangesError as error:
                    raise refused(str(error), HTTPStatus.SERVICE_UNAVAILABLE) from error
                self._question = question
            return self._found
