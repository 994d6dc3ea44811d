"""Where a reader is in a partition, which tells what is missing and what is out of place.

Layout: https://kafka.apache.org/documentation/#recordbatch
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

_log = logging.getLogger(__name__)


class BatchPlace:
    """Holds what comes against the offset that is due, and the end of the partition.

    The first offset of a batch is not under its checksum. One that cannot be right, as the batches
    beside it or the end of the partition say, is taken for the one that is due.
    """

    def __init__(self, where: str, position: int, end: int | None) -> None:
        self.missing: list[tuple[int, int]] = []
        """The first and last offsets of which nothing came."""
        self._where, self._due, self._end = where, position, end
        self._first = True

    def put(self, batch: Any, following: Callable[[], int | None]) -> Any:
        """A sound `RecordBatch` at its place; `following` finds the offset of the one after it."""
        due, begin = self._due, batch.base_offset
        if begin != due and not (self._first and begin < due < batch.next_offset):
            batch = self._placed(batch, following())
        self.behind(batch)
        return batch

    def behind(self, batch: Any) -> None:
        """What is behind this batch is due."""
        self._first = False
        self._due = max(self._due, batch.next_offset)

    def _placed(self, batch: Any, following: int | None) -> Any:
        due, begin, behind = self._due, batch.base_offset, batch.next_offset
        limit = self._end if following is None else following
        if begin > due and (limit is None or behind <= limit):
            self.missing.append((due, begin - 1))
            return batch
        fits = limit is None or due + behind - begin <= limit
        if begin < due and not fits:
            return batch.at(due - (behind - begin))  # it came before
        text = "%s: the record batch at offset %d says that it begins at %d: read as of %d"
        _log.warning(text, self._where, due, begin, due)
        return batch.at(due)
