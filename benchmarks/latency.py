"""How long flows take from being produced to being counted on a page of metrics."""

from __future__ import annotations

import threading
import time
from bisect import bisect_left
from collections.abc import Iterator
from itertools import cycle, islice
from typing import NamedTuple

from benchmarks.process import Program, until
from benchmarks.topic import Bench, producer, sums

_POLL = 0.1
_LINGER_MS = 5


class Load(NamedTuple):
    """So many flows a second to a topic, for so many seconds."""

    topic: str
    rate: float
    seconds: float


def waited(bench: Bench, load: Load, program: Program, metric: str) -> tuple[float, float, str]:
    """Median and 99th percentile (s), and the sums; `metric` counts every flow of the topic.

    The page is read every `_POLL` seconds.
    """
    sent: list[tuple[int, float]] = []
    shown: list[tuple[float, float]] = []
    feeder = threading.Thread(target=_feed, args=(bench, load, sent))
    feeder.start()
    while feeder.is_alive() or shown[-1][0] < sent[-1][0]:
        shown.append((program.number(metric), time.perf_counter()))
        time.sleep(_POLL)
    waits = sorted(_waits(sent, shown))
    p50, p99 = (waits[int(len(waits) * share)] for share in (0.5, 0.99))
    return p50, p99, sums((sent[-1][0], int(shown[-1][0]), 0, 0))


def taken(bench: Bench, load: Load, program: Program, metric: str) -> float:
    """Flows a second that a program reads of a load beyond what it can take, in its middle."""
    feeder = threading.Thread(target=_feed, args=(bench, load, []))
    feeder.start()
    time.sleep(load.seconds / 4)
    until(lambda: program.number(metric))
    before, since = program.number(metric), time.perf_counter()
    time.sleep(load.seconds / 2)
    speed = (program.number(metric) - before) / (time.perf_counter() - since)
    feeder.join()
    return speed


def _feed(bench: Bench, load: Load, sent: list[tuple[int, float]]) -> None:
    """Produce at a rate; `sent` gets how many there are, and since when."""
    sender = producer(bench.broker.bootstrap, _LINGER_MS)
    messages = cycle(zip(bench.payloads, bench.keys, strict=True))
    number, begun = 0, time.perf_counter()
    while (elapsed := time.perf_counter() - begun) < load.seconds:
        wanted = int(elapsed * load.rate)
        for payload, key in islice(messages, wanted - number):
            sender.produce(load.topic, payload, key)
            number += 1
        sent.append((number, time.perf_counter()))
        sender.poll(0.02)
    sender.flush(60)


def _waits(sent: list[tuple[int, float]], shown: list[tuple[float, float]]) -> Iterator[float]:
    """For every hundredth flow, or each of few, how long after it so many were shown."""
    numbers, totals = [n for n, _ in sent], [n for n, _ in shown]
    for number in range(1, numbers[-1] + 1, min(100, 1 + numbers[-1] // 10_000)):
        at = sent[bisect_left(numbers, number)][1]
        yield shown[bisect_left(totals, number)][1] - at
