"""Flows that come all the time while a test does something else."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Self

from confluent_kafka import Producer

from tests.kafka.support.counting import FLOW
from tests.real.broker import Broker


class Trickle:
    """About 500 flows a second to a topic, while its context lasts; `sent` of them are there."""

    def __init__(self, broker: Broker, topic: str, partitions: int) -> None:
        self.sent = 0
        self._topic, self._partitions = topic, partitions
        self._producer = Producer({"bootstrap.servers": broker.bootstrap, "linger.ms": 5})
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        while not self._stopping.wait(0.02):
            for _ in range(10):
                partition = self.sent % self._partitions
                self._producer.produce(self._topic, FLOW, partition=partition)
                self.sent += 1
            self._producer.poll(0)

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
        assert self._producer.flush(120) == 0
