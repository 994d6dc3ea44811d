"""Attacks by the disk of a broker: record batches in which a byte has changed, and no room."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from random import Random

from confluent_kafka import Producer

from tests.attack.kafka_worker import Attacked, flow
from tests.attack.tally import Size, Tally
from tests.kafka.support.counting import reason
from tests.kafka.support.reading import no_fetch_waits
from tests.kafka.support.workers import wait
from tests.support.record_batches import batch, produce, record

_KIND = 70
_TOPIC = "attacked-raw"
_ROUND = 5
_CHECKED = 17
"""What is before it in a record batch is not under its checksum."""
_NUMBERS = range(23, 27)
"""The number of the last record: where it is wrong, a broker passes over the batch by itself."""


def attacks(size: Size, under: Attacked) -> Iterator[Tally]:
    """Each kind of attack with its tally."""
    if size.long:  # first: a broker that starts again cuts its log off before what is damaged
        yield _full("a broker without room", under, size.of(1, 3))
    yield _damaged("record batches with a byte that changed on the disk", under, size.of(3, 50))


def _damaged(name: str, under: Attacked, count: int) -> Tally:
    """Each is rejected as one message; what is before, between and behind them is counted."""
    tally, draw = Tally(name), Random(51)
    one = batch(record(0, flow(_KIND)) + record(1, flow(_KIND)), 2)
    places = [at for at in range(_CHECKED, len(one)) if at not in _NUMBERS]
    for done in range(0, count, _ROUND):
        many = min(_ROUND, count - done)
        with tally.step(f"{name} {done}"):
            under.worker.process.freeze()
            no_fetch_waits(under.broker.bootstrap, _TOPIC)
            segment = max(under.broker.folder.glob(f"data/{_TOPIC}-0/*.log"))
            for _ in range(many):
                _append(under, one)
                start = segment.stat().st_size
                _append(under, one)
                _flip(segment, start + draw.choice(places), 1 << draw.randrange(8))
            _append(under, one)
            under.worker.process.thaw()
            under.sent[_KIND] += 2 * (many + 1)
            under.rejected += many
            under.settled(tally, name, unsure=many)  # once more where its session is over
            tally.add("rejected", many)
            tally.add("sound, counted", many + 1)
    return tally


def _append(under: Attacked, data: bytes) -> None:
    assert produce(under.broker.bootstrap, _TOPIC, data) == 0


def _flip(path: Path, at: int, bits: int) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        (old,) = file.read(1)
        file.seek(at)
        file.write(bytes([old ^ bits]))


def _full(name: str, under: Attacked, count: int) -> Tally:
    """The broker ends, as it does; the worker lives, and counts on when there is room again."""
    tally = Tally(name)
    settings = {"enable.idempotence": True, "log_level": 0}
    producer = Producer({"bootstrap.servers": under.broker.bootstrap, **settings})
    for number in range(count):
        with tally.step(f"{name} {number}"):
            process = under.broker._server._process
            assert process is not None
            hard = resource.prlimit(process.pid, resource.RLIMIT_FSIZE)[1]
            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (0, hard))
            for _ in range(100):
                producer.produce("attacked-plain", flow(_KIND), partition=0)
            producer.poll(1)
            process.wait(60)
            if under.worker.get("/healthz")[0] != 200:
                tally.fault("it is not alive")
            said = ""
            with suppress(AssertionError):
                wait(lambda: reason(under.worker) != "", seconds=15)
                said = "said, then "
            under.broker.restart()
            if left := producer.flush(60):
                tally.fault(f"{left} messages were not taken")
            under.sent[_KIND] += 100 - left
            under.settled(tally, name)
            tally.add(f"{said}counted", 100)
    return tally
