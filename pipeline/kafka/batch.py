"""Messages of one partition, in order, with their offsets."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import NamedTuple


class TopicPartition(NamedTuple):
    """A partition of a topic."""

    topic: str
    partition: int

    def __str__(self) -> str:
        return f"{self.topic}[{self.partition}]"


class GapError(Exception):
    """Messages went missing between Kafka and the counts."""


class Batch(NamedTuple):
    """Messages of one partition, in order.

    The reader stood at offset `start` before them and at `end` after them. `offsets` are those of
    the messages where some are missing in between (compacted topics, aborted transactions). None:
    they end at `end` without holes. `missing`: the first and last offsets of which the broker gave
    nothing, neither messages nor what is none; only a batch that was just read has it.
    """

    payloads: list[bytes]
    start: int
    end: int
    offsets: list[int] | None = None
    missing: Sequence[tuple[int, int]] = ()

    @classmethod
    def of(cls, start: int, end: int, offsets: Sequence[int], payloads: list[bytes]) -> Batch:
        """Messages at these offsets, read by a reader that went from `start` to `end`."""
        without_holes = not offsets or end - offsets[0] == len(offsets)
        return cls(payloads, start, end, None if without_holes else list(offsets))

    def after(self, position: int) -> Batch:
        """The messages at or behind an offset."""
        skip = self.before(position)
        if not skip:
            return self
        rest = None if self.offsets is None else self.offsets[skip:]
        start, end = max(self.start, position), max(self.end, position)
        return Batch(self.payloads[skip:], start, end, rest)

    def head(self, messages: int) -> Batch:
        """The first messages."""
        if messages >= len(self.payloads):
            return self
        offsets = None if self.offsets is None else self.offsets[:messages]
        end = self.offset(messages - 1) + 1 if messages else self.start
        return Batch(self.payloads[:messages], self.start, end, offsets)

    def offset(self, index: int) -> int:
        """The offset of a message."""
        if self.offsets is None:
            return self.end - len(self.payloads) + index
        return self.offsets[index]

    def without_empty(self) -> Batch:
        """The messages that have content; tombstones have none."""
        if all(self.payloads):
            return self
        kept = [index for index, payload in enumerate(self.payloads) if payload]
        offsets = [self.offset(index) for index in kept]
        return Batch([self.payloads[index] for index in kept], self.start, self.end, offsets)

    def before(self, position: int) -> int:
        """How many messages come before an offset."""
        if self.offsets is None:
            first = self.end - len(self.payloads)
            return min(max(0, position - first), len(self.payloads))
        return bisect_left(self.offsets, position)


def join(batches: Iterable[Batch], position: int) -> Batch:
    """The messages of batches from an offset on, as one batch. Batches may overlap (read again).

    Raises GapError when messages are missing between them.
    """
    first, *others = batches
    if not others and first.start <= position:
        return first.after(position)
    payloads: list[bytes] = []
    offsets: list[int] = []
    start = position
    for batch in (first, *others):
        if batch.start > position:
            raise GapError(f"offsets {position} to {batch.start - 1} were not delivered")
        fresh = batch.after(position)
        payloads += fresh.payloads
        offsets += fresh.offsets or range(fresh.end - len(fresh.payloads), fresh.end)
        position = max(position, batch.end)
    without_holes = not offsets or position - offsets[0] == len(offsets)
    return Batch(payloads, start, position, None if without_holes else offsets)
