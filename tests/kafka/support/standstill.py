"""How long partitions stand still: messages wait in them, and the group commits none of them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from confluent_kafka import Consumer, KafkaException, TopicPartition

_LOOK_SECONDS = 0.1
_ANSWER_SECONDS = 5


class Standstill:
    """Time without progress of each partition, as the broker sees it, while its context lasts.

    A worker commits what is durable and shown. Time in which the broker does not answer is left
    out.
    """

    def __init__(
        self,
        address: str,
        group: str,
        topic: str,
        partitions: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._places = [TopicPartition(topic, number) for number in range(partitions)]
        self._group = group
        self._clock = clock
        self._address = address
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._since = dict.fromkeys(range(partitions), clock())
        self._committed: dict[int, int] = {}
        self._longest = dict.fromkeys(range(partitions), 0.0)

    def take(self) -> list[float]:
        """The longest time (s) that each partition stood still since the last call."""
        with self._lock:
            found = list(self._longest.values())
            self._longest = dict.fromkeys(self._longest, 0.0)
        return found

    def note(self, ends: dict[int, int], committed: dict[int, int]) -> None:
        """One look: where the partitions end, and what the group has committed."""
        now = self._clock()
        with self._lock:
            for number, since in self._since.items():
                at = committed.get(number, 0)
                waited = now - since
                if at > self._committed.get(number, 0) or at >= ends[number]:
                    self._since[number] = now
                self._committed[number] = max(at, self._committed.get(number, 0))
                if ends[number]:
                    self._longest[number] = max(self._longest[number], waited)

    def leave_out(self) -> None:
        """The time since the last look does not count."""
        with self._lock:
            self._since = dict.fromkeys(self._since, self._clock())

    def _run(self) -> None:
        address, group = self._address, self._group
        consumer = Consumer({"bootstrap.servers": address, "group.id": group, "log_level": 0})
        while not self._stopping.wait(_LOOK_SECONDS):
            try:
                self.note(*self._asked(consumer))
            except KafkaException:
                self.leave_out()
        consumer.close()

    def _asked(self, consumer: Consumer) -> tuple[dict[int, int], dict[int, int]]:
        ends = {
            place.partition: consumer.get_watermark_offsets(place, timeout=_ANSWER_SECONDS)[1]
            for place in self._places
        }
        committed = consumer.committed(self._places, timeout=_ANSWER_SECONDS)
        return ends, {place.partition: max(0, place.offset) for place in committed}

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._stopping.set()
        self._thread.join()
