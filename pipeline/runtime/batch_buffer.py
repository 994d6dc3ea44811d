"""Batches of one partition on their way to the plan."""

from __future__ import annotations

import time
from collections.abc import Callable

from pipeline.kafka.batch import Batch

_MOST_BYTES = 16 * 1024 * 1024


class BatchBuffer:
    """Holds batches until there is enough, or the first one waited for long enough."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.batches: list[Batch] = []
        self._clock = clock
        self.messages = self.bytes = 0
        self._since = 0.0

    def add(self, batch: Batch) -> None:
        """Hold a batch behind those that came before."""
        if not self.batches:
            self._since = self._clock()
        self.batches.append(batch)
        self.messages += len(batch.payloads)
        self.bytes += sum(map(len, batch.payloads))

    def put_back(self, rest: Batch) -> None:
        """Hold what is left of a batch, before those that came after it."""
        newer, self.batches = self.batches, []
        self.add(rest)
        self.batches += newer

    def full(self, messages: int) -> bool:
        """Whether it holds this many messages, or 16 MiB."""
        return self.messages >= messages or self.bytes >= _MOST_BYTES

    def expired(self, linger: float) -> bool:
        """Whether the first batch has waited for this long (seconds)."""
        return bool(self.batches) and self._clock() - self._since >= linger
