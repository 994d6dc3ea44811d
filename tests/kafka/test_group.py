"""The commands around a group: several workers at once, the matrix of all of them, growth."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewPartitions

from simulate import Shape, simulate
from tests.kafka.support.counting import FLOW, counting, positions, seen
from tests.kafka.support.feeding import produce
from tests.kafka.support.workers import (
    COMMAND,
    Worker,
    answers,
    children,
    configured,
    counted,
    running,
    truth,
    wait,
)
from tests.real.broker import Broker
from tests.real.parts import LOCALHOST, call
from tests.support.recordings import messages

_FLOWS = 20_000


def test_workers_of_one_command(kafka_broker: Broker, tmp_path: Path) -> None:
    """Several workers, one of them killed; the matrix and the table of all of them."""
    shape = Shape(pods=200, workloads=40, nodes=20, services=20)
    made = simulate("cluster", tmp_path / "c.pb", flows=_FLOWS, shape=shape)
    kafka_broker.create_topic("grouped", 4)
    source = {"brokers": [kafka_broker.bootstrap], "topics": ["grouped"], "linger": 0.1}
    config = configured(tmp_path, made, source, checkpoint={"interval": 0.3})
    first = Worker(config, "group", "--workers", "2")
    second = Worker(config, "unused")
    second.port = first.port + 1
    with running(first):
        wait(lambda: answers(second))
        try:
            wait(lambda: len(positions(first)) == len(positions(second)) == 2)
            produce(kafka_broker.bootstrap, "grouped", messages(made.recording), 4)
            assert counted(_FLOWS, first, second) == truth(made)
            before = children(first)
            os.kill(before[0], signal.SIGKILL)
            wait(lambda: children(first) != before and answers(first) and answers(second))
            wait(lambda: len(positions(first)) == len(positions(second)) == 2)
            assert counted(_FLOWS, first, second) == truth(made)
            assert len(matrix(first, second)) > 10
            assert_top(first, second)
            with pytest.raises(subprocess.CalledProcessError) as refused:
                matrix(first)
            assert "nobody answers for partition" in refused.value.stderr
        finally:
            assert first.exit() == 0
        assert not answers(second)


def matrix(*workers: Worker) -> list[str]:
    asked = [f"--server=http://{LOCALHOST}:{worker.port}" for worker in workers]
    command = [COMMAND, "matrix", "--format", "markdown", *asked]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    return [line for line in done.stdout.splitlines() if line.startswith("|")]


def assert_top(*workers: Worker) -> None:
    """The live table of the running workers has every partition and stage of theirs."""
    asked = [f"--server=http://{LOCALHOST}:{worker.port}" for worker in workers]
    command = [COMMAND, "top", "--once", *asked]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    rows = [line.split() for line in done.stdout.splitlines() if line.strip()]
    head = "topic partition offset lag flows/s rejected checkpoint worker"
    assert " ".join(rows[0]) == head
    partitions = [row for row in rows if row[0] == "grouped"]
    assert [row[1] for row in partitions] == ["0", "1", "2", "3"]
    assert [row[2:6] for row in partitions] == [[f"{_FLOWS // 4:,}", "0", "0", "0"]] * 4
    assert {row[-1] for row in partitions} == {f"{LOCALHOST}:{worker.port}" for worker in workers}
    (flows,) = [row for row in rows if row[0] == "flows"]
    assert int(flows[1].replace(",", "")) <= _FLOWS, "what a killed process showed is gone"
    assert float(flows[-1]) > 0, "microseconds a flow"


def test_a_topic_grows(kafka_broker: Broker, tmp_path: Path) -> None:
    """Its changelog follows, and the new partitions are counted."""
    kafka_broker.create_topic("grows", 1)
    worker = counting(tmp_path, kafka_broker.bootstrap, ["grows"])
    with running(worker):
        produce(kafka_broker.bootstrap, "grows", [FLOW] * 10, 1)
        wait(lambda: seen(worker) == 10)
        admin = AdminClient({"bootstrap.servers": kafka_broker.bootstrap})
        admin.create_partitions([NewPartitions("grows", 3)])["grows"].result()
        produce(kafka_broker.bootstrap, "grows", [FLOW] * 30, 3)
        wait(lambda: sorted(positions(worker)) == [10, 10, 20])
        wait(lambda: seen(worker) == 40)
        lag = 'flowmatrix_kafka_lag{topic="grows",partition="2"} 0'
        wait(lambda: lag in worker.get("/metrics")[1].decode())


@pytest.mark.slow
def test_no_broker_yet(tmp_path: Path) -> None:
    """It says so, and ends when it is told to."""
    worker = counting(tmp_path, "127.0.0.1:1", ["flows"])
    with running(worker, ready=False):
        wait(lambda: "no broker answers" in json.dumps(worker.get("/readyz")[1]))
        assert call(worker.port, "/readyz").status == 503
        assert worker.exit() == 0
