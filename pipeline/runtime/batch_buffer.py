"""Batches of one partition on their way to the plan."""

from __future__ import annotations

import time

from pipeline.kafka.batch import Batch

_MOST_BYTES = 16 * 1024 * 1024


class BatchBuffer:
    """Holds batches until there are enough messages, or the first waited for long enough."""

    def __init__(self) -> None:
        self.batches: list[Batch] = []
        self._messages = self._bytes = 0
        self._since = 0.0

    def add(self, batch: Batch) -> None:
        """Hold a batch behind those that came before."""
        if not self.batches:
            self._since = time.monotonic()
        self.batches.append(batch)
        self._messages += len(batch.payloads)
        self._bytes += sum(map(len, batch.payloads))

    def put_back(self, rest: Batch) -> None:
        """Hold what is left of a batch, before those that came after it."""
        newer, self.batches = self.batches, []
        self.add(rest)
        self.batches += newer

    def full(self, messages: int) -> bool:
        """Whether so many are held, or many bytes."""
        return self._messages >= messages or self._bytes >= _MOST_BYTES

    def expired(self, linger: float) -> bool:
        """Whether the first one has waited for so many seconds."""
        return bool(self.batches) and time.monotonic() - self._since >= linger
