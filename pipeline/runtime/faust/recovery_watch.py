"""A recovery that stands still: Faust waits for records of a changelog that never come."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from pipeline.kafka.batch import TopicPartition
from pipeline.runtime.faust.group import Group

STALL_SECONDS = 60.0
"""Without any progress; a fetch of a slow connection ends, well or not, before that."""


class StalledError(Exception):
    """The changelogs were not read on; the next membership reads them anew."""


class RecoveryWatch:
    """Looks how far the changelogs are read. Whoever asks says whether the brokers answer."""

    def __init__(self, group: Group, clock: Callable[[], float] = time.monotonic) -> None:
        self._group = group
        self._clock = clock
        self._left: Mapping[TopicPartition, tuple[int, int]] = {}
        self._since = clock()

    def look(self, *, connected: bool) -> None:
        """One look. Raises StalledError when nothing was read for too long."""
        left, now = self._group.recovery(), self._clock()
        if left != self._left or not connected:
            self._left, self._since = left, now
        elif left and now - self._since >= STALL_SECONDS:
            where, (at, last) = min(left.items())
            raise StalledError(
                f"{where} was read to offset {at} of {last}, and no further for "
                f"{STALL_SECONDS:.0f} s"
            )
