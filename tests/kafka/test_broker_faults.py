"""A broker that hangs, comes back without the end of its log, or loses a disk: what a worker says.

One broker with two disks for all of it, each a folder.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kafka.support.counting import FLOW, counting, positions, reason, seen, value
from tests.kafka.support.feeding import produce
from tests.kafka.support.workers import Worker, answers, running, wait
from tests.real.kafka import Kafka
from tests.support.proxy import Proxy
from tests.support.record_batches import batch, record
from tests.support.record_batches import produce as append

pytestmark = [pytest.mark.real, pytest.mark.slow]
_TEN = batch(b"".join(record(number, FLOW) for number in range(10)), 10)


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    folder = tmp_path_factory.mktemp("faults")
    disks = f"{folder}/data,{folder}/other"
    with Kafka(folder, settings={"log.dirs": disks, "metadata.log.dir": f"{folder}/data"}) as one:
        yield one


def test_it_hangs_while_its_connections_stay(broker: Kafka, tmp_path: Path) -> None:
    """As behind a proxy: said long before the session of five minutes is over, and it goes on."""
    broker.create_topic("hangs", 1)
    produce(broker.bootstrap, "hangs", [FLOW] * 10, 1)
    worker = counting(tmp_path, broker.bootstrap, ["hangs"], session_timeout=300)
    with running(worker):
        wait(lambda: seen(worker) == 10)
        broker.freeze()
        wait(lambda: reason(worker) != "")
        assert reason(worker) == f"the broker at {broker.bootstrap} does not answer"
        assert worker.get("/healthz")[0] == 200
        broker.thaw()
        wait(lambda: answers(worker))
        produce(broker.bootstrap, "hangs", [FLOW] * 5, 1)
        wait(lambda: seen(worker) == 15)
        assert value(worker, 'flowmatrix_kafka_errors{error="Unanswered"}') > 0
    log = worker.log.read_text()
    assert log.count("does not answer; trying again") == 1
    assert "joining again" not in log


def test_its_answers_are_of_another_topic(broker: Kafka, tmp_path: Path) -> None:
    """Which no client understands: the worker reads on with another one."""
    broker.create_topic("answers", 1)
    with Proxy() as proxy:
        proxy.target = broker.bootstrap
        ports = int(broker.bootstrap.partition(":")[2]), proxy.port
        there, here = (b"127.0.0.1" + port.to_bytes(4, "big") for port in ports)
        proxy.renamed = {there: here}
        worker = counting(tmp_path, proxy.address, ["answers"])
        with running(worker):
            produce(broker.bootstrap, "answers", [FLOW] * 10, 1)
            wait(lambda: seen(worker) == 10)
            proxy.renamed = {there: here, b"\0\7answers": b"\0\7another"}
            wait(lambda: "Unexpected error in fetcher routine" in worker.log.read_text())
            proxy.renamed = {there: here}
            produce(broker.bootstrap, "answers", [FLOW] * 5, 1)
            wait(lambda: seen(worker) == 15)
            assert positions(worker) == [15]
    assert "Traceback" not in worker.log.read_text()


def cut(worker: Worker) -> float:
    """How many messages it says the broker has lost."""
    return value(worker, 'flowmatrix_kafka_cut{topic="cut",partition="0"}')


def disk(broker: Kafka, topic: str) -> Path:
    """The folder of the one partition of a topic, which comes a moment after the topic."""
    wait(lambda: any(broker.folder.glob(f"*/{topic}-0")))
    (found,) = broker.folder.glob(f"*/{topic}-0")
    return found


def without(broker: Kafka, batches: int) -> None:
    """Let the broker come back without the last batches of a log, as after a loss of power."""
    broker.kill()
    log = max(disk(broker, "cut").glob("*.log"))
    data = log.read_bytes()
    log.write_bytes(data[: len(data) - batches * len(_TEN)])
    for index in log.parent.glob("*.*index"):
        index.unlink()
    broker.start()


def ten(broker: Kafka) -> None:
    """Append ten messages; a partition has its leader a moment after its broker is there."""
    wait(lambda: append(broker.bootstrap, "cut", _TEN) == 0)


def test_its_log_is_cut(broker: Kafka, tmp_path: Path) -> None:
    """Of a worker that runs, then of one that does not: each message that was there is in once."""
    broker.create_topic("cut", 1, retention_ms="-1")  # stamps are old
    for _ in range(5):
        ten(broker)
    worker = counting(tmp_path, broker.bootstrap, ["cut"])
    with running(worker):
        wait(lambda: positions(worker) == [50])
        without(broker, 2)
        wait(lambda: positions(worker) == [30])
        assert cut(worker) == 20
        ten(broker)
        wait(lambda: seen(worker) == 60)
        assert positions(worker) == [40]
        assert worker.exit() == 0
    without(broker, 2)
    ten(broker)
    with running(worker):
        wait(lambda: positions(worker) == [30])
        wait(lambda: seen(worker) == 10)
        assert cut(worker) == 20
    said = "the broker has lost 20 messages that are counted, as its log was cut at offset"
    assert worker.log.read_text().count(said) == 2


def test_a_disk_of_it_is_gone(broker: Kafka, tmp_path: Path) -> None:
    """Full or not readable, a broker leaves the disk alone, and what is on it.

    That is flows of one worker, counts of another, and, as it comes, the groups of both.
    """
    flows = counts = ""
    for number in range(9):
        topic = f"disk-{number}"
        broker.create_topic(topic, 1)
        changelog = f"of-{topic}-{topic}-ledger-changelog"
        broker.create_topic(changelog, 1, cleanup_policy="compact")
        where = disk(broker, topic).parent.name, disk(broker, changelog).parent.name
        flows = topic if where == ("other", "data") else flows
        counts = topic if where == ("data", "other") else counts
        if flows and counts:
            break
        broker.create_topic(f"between-{number}", 1)  # so that the next one is on another disk
    reading, writing = (
        counting(tmp_path / topic, broker.bootstrap, [topic]) for topic in (flows, counts)
    )
    with running(reading, writing):
        for topic in (flows, counts):
            produce(broker.bootstrap, topic, [FLOW] * 10, 1)
        wait(lambda: seen(reading) == seen(writing) == 10)
        gone = (broker.folder / "other").rename(broker.folder / "gone")
        read = f"{flows}[0] cannot be read: no fetch of it succeeds"
        wait(lambda: reason(reading) == read)
        takes = f"of-{counts}-{counts}-ledger-changelog takes no records: counts are not durable"
        sent = 10
        while reason(writing) != takes:  # until the broker has noticed, counts are durable
            produce(broker.bootstrap, counts, [FLOW], 1)
            sent += 1
            time.sleep(0.5)
            assert sent < 250
        gone.rename(broker.folder / "other")
        broker.restart()
        produce(broker.bootstrap, flows, [FLOW] * 10, 1)
        wait(lambda: (seen(reading), seen(writing)) == (20, sent))
        wait(lambda: answers(reading) and answers(writing))
