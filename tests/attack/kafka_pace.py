"""Attacks on a worker's pace: a clock that jumps, and a plan that is slower than the flood."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from tests.attack.kafka_worker import Attacked, flow, peak
from tests.attack.tally import Size, Tally
from tests.kafka.support.counting import counting, seen
from tests.kafka.support.feeding import produce
from tests.kafka.support.workers import answers, running, wait

_KIND = 80
_DAY = 86_400
_JUMPS = (_DAY, -_DAY, 10 * 365 * _DAY, -30 * 365 * _DAY, 40, -40)
"""How many seconds the clock is off, one after the other."""
_MOST_MB = 900
_LARGE = b'{"Proto":6,"Bytes":1,"DnsName":"%s"}' % (b"x" * 900)


def attacks(size: Size, under: Attacked) -> Iterator[Tally]:
    """Each kind of attack with its tally."""
    yield _jumps("a clock that jumps", under, size.of(2, len(_JUMPS)))
    if size.long:
        count = size.of(100_000, 2_000_000)
        yield _flood("a plan slower than the flood", size.folder / "flood", under, count)


def _jumps(name: str, under: Attacked, count: int) -> Tally:
    """Flows are counted whatever time the worker has, and it is ready."""
    tally = Tally(name)
    for seconds in (*_JUMPS[:count], 0):
        with tally.step(seconds):
            under.turn_clock(seconds)
            produce(under.broker.bootstrap, "attacked-plain", [flow(_KIND)] * 50, 1)
            under.sent[_KIND] += 50
            under.settled(tally, f"{name} by {seconds} s")
            wait(lambda: answers(under.worker))
            tally.add("counted", 50)
    return tally


def _flood(name: str, folder: Path, under: Attacked, count: int) -> Tally:
    """A plan that stands still while so many messages come: the memory is bounded, none is lost."""
    tally, until = Tally(name), folder / "until"
    under.broker.create_topic("flood", 2)
    behind = [{"name": "slow", "type": "log_batches", "until": str(until)}]
    worker = counting(folder, under.broker.bootstrap, ["flood"], behind=behind)
    with tally.step(name), running(worker):
        produce(under.broker.bootstrap, "flood", [_LARGE] * count, 2)
        time.sleep(3)
        if worker.get("/healthz")[0] != 200:
            tally.fault("it is not alive")
        until.touch()
        wait(lambda: seen(worker) == count, seconds=100)
        process = worker.process._process
        assert process is not None
        if (megabytes := peak(process.pid)) > _MOST_MB:
            tally.fault(f"it took {megabytes} MB")
        tally.add(f"counted, with {megabytes} MB at most", count)
    return tally
