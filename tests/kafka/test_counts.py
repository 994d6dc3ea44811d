"""Counts are exact, whatever happens to the workers and the broker."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import pytest

from simulate import Shape, Simulation, simulate
from tests.kafka.support.feeding import produce
from tests.kafka.support.workers import Worker, configured, counted, running, totals, truth, wait
from tests.real.broker import Broker
from tests.real.kafka import Kafka
from tests.real.listeners import Security
from tests.support.recordings import messages

_FLOWS, _PARTITIONS = 40_000, 4
_numbers = itertools.count()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Simulation:
    shape = Shape(pods=500, workloads=100, nodes=20)
    return simulate("cluster", tmp_path_factory.mktemp("made") / "c.pb", flows=_FLOWS, shape=shape)


@pytest.fixture(scope="module")
def payloads(made: Simulation) -> list[bytes]:
    return list(messages(made.recording))


class Place:
    """A topic of its own, a group of its own."""

    def __init__(self, broker: Broker, folder: Path, made: Simulation) -> None:
        self.broker, self.topic = broker, f"flows-{next(_numbers)}"
        self._names = itertools.count()
        self.folder = folder
        broker.create_topic(self.topic, _PARTITIONS)
        source = {
            "brokers": [broker.bootstrap],
            "topics": [self.topic],
            "group_id": f"of-{self.topic}",
            "linger": 0.2,
        }
        self.config = configured(folder, made, source, checkpoint={"interval": 0.5})

    def worker(self) -> Worker:
        return Worker(self.config, f"worker-{next(self._names)}")

    def feed(self, payloads: list[bytes]) -> None:
        produce(self.broker.bootstrap, self.topic, payloads, _PARTITIONS)

    @contextmanager
    def feeding(self, payloads: list[bytes], times: int, seconds: float) -> Iterator[None]:
        """Feed them so many times while the block runs."""

        def feed() -> None:
            for _ in range(times):
                start = time.monotonic()
                self.feed(payloads)
                time.sleep(max(0.0, seconds / times - (time.monotonic() - start)))

        thread = threading.Thread(target=feed)
        thread.start()
        yield
        thread.join()


@pytest.fixture
def place(kafka_broker: Broker, tmp_path: Path, made: Simulation) -> Place:
    return Place(kafka_broker, tmp_path, made)


def test_every_flow_is_counted_and_shown(
    place: Place, made: Simulation, payloads: list[bytes]
) -> None:
    """A restart shows no increment again."""
    worker = place.worker()
    place.feed(payloads)
    with running(worker):
        assert counted(_FLOWS, worker) == truth(made)
        wait(lambda: sum_of(worker.shown()) == sum_of(truth(made)))
        assert worker.exit() == 0
    again = place.worker()
    with running(again):
        assert counted(_FLOWS, again) == truth(made)
        assert again.shown() == {}, "a restart shows no increment again"
        place.feed(payloads)
        assert counted(2 * _FLOWS, again) == truth(made, 2)
        wait(lambda: sum_of(again.shown()) == sum_of(truth(made)))


def sum_of(counts: dict[str, dict[tuple[str, ...], float]]) -> dict[str, float]:
    return {name: sum(series.values()) for name, series in counts.items()}


def test_killed_under_load(place: Place, made: Simulation, payloads: list[bytes]) -> None:
    """Three times, at any moment."""
    dice = Random(1)
    with place.feeding(payloads, 5, 12):
        for _ in range(3):
            worker = place.worker()
            with running(worker):
                time.sleep(dice.uniform(0.5, 3))
    last = place.worker()
    with running(last):
        assert counted(5 * _FLOWS, last) == truth(made, 5)


def test_one_of_two_is_killed(place: Place, made: Simulation, payloads: list[bytes]) -> None:
    """The other one takes its partitions over, and their counts."""
    first, second = place.worker(), place.worker()
    with running(first, second), place.feeding(payloads, 5, 15):
        wait(lambda: totals(first)[0] > 0 and totals(second)[0] > 0)
        time.sleep(2)
        first.process.kill()
        wait(lambda: len(second.get("/api/v0/totals")[1]["partitions"]) == _PARTITIONS)
        assert counted(5 * _FLOWS, second) == truth(made, 5)


def test_a_frozen_worker_wakes_up(place: Place, made: Simulation, payloads: list[bytes]) -> None:
    """Its partitions are owned by another one then: nothing is shown twice."""
    first, second = place.worker(), place.worker()
    with running(first, second), place.feeding(payloads, 6, 18):
        wait(lambda: totals(first)[0] > 0 and totals(second)[0] > 0)
        first.process.freeze()
        wait(lambda: len(second.get("/api/v0/totals")[1]["partitions"]) == _PARTITIONS)
        time.sleep(2)
        first.process.thaw()
        wait(lambda: totals(first, second)[0] >= 6 * _FLOWS)
        assert counted(6 * _FLOWS, first, second) == truth(made, 6)
        shown = [sum_of(worker.shown()) for worker in (first, second)]
        for name, total in sum_of(truth(made, 6)).items():
            assert sum(part.get(name, 0) for part in shown) <= total, name


def test_the_broker_restarts(
    new_kafka: Callable[[Security | None], Kafka],
    tmp_path: Path,
    made: Simulation,
    payloads: list[bytes],
) -> None:
    """The worker goes on, and ends in order when nobody answers."""
    broker = new_kafka(None)
    place = Place(broker, tmp_path, made)
    worker = place.worker()
    with running(worker):
        place.feed(payloads)
        time.sleep(1)
        broker.stop()
        time.sleep(8)
        broker.start()
        place.feed(payloads)
        assert counted(2 * _FLOWS, worker) == truth(made, 2)
        broker.kill()
        assert worker.exit() == 0, "also when nobody answers"
