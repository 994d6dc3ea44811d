"""Attacks by a broker and by who manages it: late, half or no answers, and rights that are gone."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress

from confluent_kafka import Producer

from tests.attack.kafka_worker import CHANGELOG, GROUP, LETTERS, Attacked, flow
from tests.attack.tally import Size, Tally
from tests.kafka.support.admin import deny, forbid
from tests.kafka.support.counting import reason
from tests.kafka.support.feeding import produce
from tests.kafka.support.workers import wait
from tests.support.proxy import MANNERS, Manner

_KIND = 30
_AGAIN = 50
"""What is rejected in a membership that ends is rejected, and said, in the next one again."""

_RIGHTS = (
    ("TOPIC", CHANGELOG, "WRITE"),
    ("GROUP", GROUP, "READ"),
    ("TOPIC", "attacked-plain", "READ"),
    ("TOPIC", LETTERS, "WRITE"),
    ("TOPIC", "attacked-plain", "DESCRIBE"),
    ("TOPIC", CHANGELOG, "READ"),
    ("TOPIC", CHANGELOG, "DESCRIBE"),
    ("GROUP", GROUP, "DESCRIBE"),
)


def attacks(size: Size, under: Attacked) -> Iterator[Tally]:
    """Each kind of attack with its tally."""
    yield _answers("a broker that answers late, half, never", under, size.of(1, 6))
    yield _denied("a right that is denied meanwhile", under, size.of(2, len(_RIGHTS)))


def _answers(name: str, under: Attacked, times: int) -> Tally:
    """The worker lives, and has counted each flow once when the broker answers again."""
    tally = Tally(name)
    manners: list[Manner] = [*MANNERS] * times
    producer = Producer({"bootstrap.servers": under.broker.bootstrap, "log_level": 2})
    for number, manner in enumerate(manners):
        with tally.step(manner):
            under.proxy.manner = manner
            until = time.monotonic() + 3 + 4 * (number // len(MANNERS))
            while time.monotonic() < until:
                for _ in range(10):
                    producer.produce("attacked-plain", flow(_KIND), partition=0)
                    under.sent[_KIND] += 1
                producer.flush(120)
                time.sleep(0.1)
                if under.worker.get("/healthz")[0] != 200:
                    tally.fault(f"{manner}: it is not alive")
            under.proxy.manner = "whole"
            if number % len(MANNERS) == len(MANNERS) - 1:
                under.settled(tally, f"{name}: {manner}")
            tally.add(f"{manner}: counted")
    return tally


def _denied(name: str, under: Attacked, count: int) -> Tally:
    """One right at a time is taken away and given back; the worker says which, and goes on."""
    tally = Tally(name)
    for kind, named, operation in _RIGHTS[:count]:
        what = f"{operation} of {kind.lower()} {named}"
        with tally.step(what):
            deny(under.broker, "flow", kind, named, operation)
            payloads = [flow(_KIND), b"not JSON"] * 5
            produce(under.broker.bootstrap, "attacked-plain", payloads, 1)
            under.sent[_KIND] += 5
            under.rejected += 5
            said = ""
            with suppress(AssertionError):
                wait(lambda: "uthoriz" in reason(under.worker), seconds=15)
                said = reason(under.worker)
            forbid(under.broker, "flow", kind, named)
            under.settled(tally, what, unsure=_AGAIN)
            tally.add("said, then counted" if said else "counted all the same")
    return tally
