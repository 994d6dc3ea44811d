"""An attack by a broker whose disk is full: a real file system of a few megabytes (ENOSPC)."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from confluent_kafka import Producer

from tests.attack.tally import Size, Tally
from tests.kafka.support.counting import counting, reason, seen
from tests.kafka.support.workers import Worker, running, wait
from tests.real.kafka import Kafka

_TOPIC = "attacked-room"
_MEGABYTES = 96
_FLOWS = 500
_SECONDS = 90


def attacks(size: Size) -> Iterator[Tally]:
    """It is not tried, and says so, where this user may not mount a file system."""
    tally = Tally("a broker on a disk that is full")
    folder = size.folder / "room"
    disk = folder / "disk"
    disk.mkdir(parents=True)
    with ExitStack() as stack:
        try:
            stack.enter_context(_mounted(disk))
        except OSError as error:
            tally.add(f"NOT TRIED, no right to mount: {error}")
        else:
            broker = stack.enter_context(_broker(folder, disk))
            worker = counting(folder, broker.bootstrap, [_TOPIC])
            stack.enter_context(running(worker))
            _rounds(tally, size.of(1, 3), broker, worker, disk)
    yield tally


@contextmanager
def _mounted(disk: Path) -> Iterator[None]:
    options = ("-t", "tmpfs", "-o", f"size={_MEGABYTES}m", "tmpfs", str(disk))
    done = subprocess.run(["mount", *options], capture_output=True, text=True, check=False)
    if done.returncode:
        raise OSError(done.stderr.strip())
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", disk], check=True)


@contextmanager
def _broker(folder: Path, disk: Path) -> Iterator[Kafka]:
    """A broker with its log on the small disk; what it says itself is beside it."""
    small = {"log.dirs": str(disk / "data"), "log.segment.bytes": str(1 << 20)}
    small |= {"offsets.topic.segment.bytes": str(1 << 20), "offsets.topic.num.partitions": "1"}
    small |= {"log.index.size.max.bytes": str(1 << 16)}
    with Kafka(folder, settings=small) as broker:
        (folder / "data").mkdir()  # it is formatted
        broker.create_topic(_TOPIC, 1)
        yield broker


def _rounds(tally: Tally, rounds: int, broker: Kafka, worker: Worker, disk: Path) -> None:
    """Each time the worker lives, says why it is not ready, and counts all of it in the end."""
    settings = {"enable.idempotence": True, "log_level": 0}
    producer = Producer({"bootstrap.servers": broker.bootstrap, **settings})
    sent = 0
    for number in range(rounds):
        with tally.step(f"{tally.attack} {number}"):
            _send(producer, _FLOWS)
            assert not producer.flush(60)
            sent += _FLOWS
            wait(lambda count=sent: seen(worker) == count, seconds=_SECONDS)  # type: ignore[misc]
            _fill(disk)
            _send(producer, _FLOWS)
            producer.poll(5)
            said = ""
            with suppress(AssertionError):
                wait(lambda: reason(worker) != "")
                said = "said, then "
            if worker.get("/healthz")[0] != 200:
                tally.fault("the worker is not alive")
            if "No space left on device" not in (disk.parent / "kafka.log").read_text():
                tally.fault("the broker had room")
            (disk / "filler").unlink()
            broker.restart()
            if left := producer.flush(_SECONDS):
                tally.fault(f"{left} flows were not taken")
            sent += _FLOWS
            with suppress(AssertionError):
                wait(lambda count=sent: seen(worker) == count, seconds=_SECONDS)  # type: ignore[misc]
            if seen(worker) != sent:
                tally.fault(f"{seen(worker)} counted of {sent}: {reason(worker)}")
            tally.add(f"{said}counted once", 2 * _FLOWS)


def _send(producer: Producer, flows: int) -> None:
    for _ in range(flows):
        producer.produce(_TOPIC, b'{"Bytes":1,"DnsName":"%s"}' % (b"x" * 200))


def _fill(disk: Path) -> None:
    """Leave no byte."""
    with suppress(OSError), (disk / "filler").open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
