"""How long partitions stand still when one of three workers goes.

It is killed, or stopped, or killed and started again under its own name (static membership).
"""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import cycle
from typing import Self

from benchmarks.process import until
from benchmarks.topic import PARTITIONS, Bench, counted, positions, producer, sums
from tests.kafka.support.standstill import Standstill

WORKERS, SESSION = 3, 6.0
_FLOWS_EVERY, _PAUSE = 50, 0.05
_SETTLED = 4.0


class Feed:
    """A thousand flows a second to a topic while its context lasts; `sent` of them."""

    def __init__(self, bench: Bench, topic: str) -> None:
        self.sent = 0
        self._bench, self._topic = bench, topic
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        sender = producer(self._bench.broker.bootstrap)
        payloads = cycle(self._bench.payloads)
        while not self._stopping.wait(_PAUSE):
            for _ in range(_FLOWS_EVERY):
                sender.produce(self._topic, next(payloads), partition=self.sent % PARTITIONS)
                self.sent += 1
            sender.poll(0)
        sender.flush(60)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()


def rebalances(bench: Bench, runs: int) -> Iterator[tuple[str, float, str]]:
    """For each way to go: what it is, the longest time without progress (s), and the sums."""
    for way in ("killed", "stopped", "killed, static, back"):
        found = [_one(bench, way) for _ in range(runs)]
        longest = statistics.median(seconds for seconds, _ in found)
        yield f"one of {WORKERS} is {way}", longest, found[-1][1]


def _one(bench: Bench, way: str) -> tuple[float, str]:
    """The longest (s) that a partition stood still, and the sums."""
    group = bench.group()
    topic, static = f"moved-{group}", "static" in way
    bench.broker.create_topic(topic, PARTITIONS)
    source = {"session_timeout": SESSION} | ({"group_instance_id": "worker"} if static else {})
    config = bench.config(topic, group, source=source)
    with ExitStack() as stack:
        workers = [stack.enter_context(bench.worker(config, n)) for n in range(WORKERS)]
        until(lambda: all(map(positions, workers)))
        feed = Feed(bench, topic)
        with Standstill(bench.broker.bootstrap, group, topic, PARTITIONS) as standstill, feed:
            time.sleep(_SETTLED)
            standstill.take()
            gone = workers.pop()
            (gone.end if way == "stopped" else gone.kill)()
            if static:
                workers.append(stack.enter_context(bench.worker(config, WORKERS - 1)))
            time.sleep(SESSION + _SETTLED)
            longest = max(standstill.take())
        until(lambda: counted(workers) >= feed.sent)
        return longest, sums((feed.sent, counted(workers), 0, 0))
