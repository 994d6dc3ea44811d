"""simulate --kafka on a real broker: what is in the topic is what the truth says."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.kafka.support.reading import Message, read
from tests.kafka.support.workers import wait
from tests.real.broker import Broker
from tests.real.kafka import Kafka
from tests.real.listeners import Security
from tests.support.records import message_class

COMMAND = Path(sys.executable).with_name("flowmatrix")


def command(broker: Broker, topic: str, *arguments: str) -> list[str]:
    broker.claim(topic)
    where = ["--kafka", broker.bootstrap, "--topic", topic, "--partitions", "4"]
    return [str(COMMAND), "simulate", *arguments, *where]


def syn(messages: list[Message]) -> int:
    record = message_class()
    return sum(record.FromString(m.value).flags & 2 == 2 for m in messages)


def told(path: Path) -> tuple[dict[str, Any], int]:
    """The truth, and the flows with a SYN in it."""
    document = json.loads(path.read_text())
    series = document["metrics"]["netobserv_workload_syn_in"]["series"]
    return document, sum(row[-1] for row in series)


def test_flows_as_json(kafka_broker: Broker, tmp_path: Path) -> None:
    """The topic has JSON objects, and the pipeline beside them reads JSON."""
    out = str(tmp_path / "r")
    options = ("--format", "json", "--flows", "4706", "--out", out)
    done = subprocess.run(
        command(kafka_broker, "as-json", "reference", *options),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines() == [
        '4,706 flows in topic "as-json"',
        f"run them: flowmatrix run {out}.yaml",
    ]
    messages = read(kafka_broker.bootstrap, "as-json", 4_707, seconds=2)
    flows = [json.loads(message.value) for message in messages]
    assert len(flows) == 4_706
    opened = sum(bool(flow.get("Flags", 0) & 2) for flow in flows)
    assert opened == told(tmp_path / "r.truth.json")[1] > 0
    assert "decoder: json" in (tmp_path / "r.yaml").read_text()


def test_a_number_of_flows(kafka_broker: Broker, tmp_path: Path) -> None:
    """As many as asked for, and their truth."""
    out = str(tmp_path / "cluster")
    arguments = command(kafka_broker, "counted", "cluster", "--flows", "30000", "--out", out)
    begun = time.time()
    done = subprocess.run(arguments, capture_output=True, text=True, check=True)
    assert done.stdout.startswith('30,000 flows in topic "counted"\n')
    messages = read(kafka_broker.bootstrap, "counted", 30_001, seconds=2)
    truth, opened = told(tmp_path / "cluster.truth.json")
    assert len(messages) == truth["flows"] == 30_000
    assert syn(messages) == opened > 0
    found = Counter(len(message.key or b"") for message in messages)
    assert found == {32: 30_000}
    ended = max(r.time_flow_end.seconds for r in map(message_class().FromString, values(messages)))
    assert begun - 60 < ended <= time.time()
    assert {path.name for path in tmp_path.iterdir()} == {
        *("cluster.yaml", "cluster.flp.yaml", "cluster.flowmetrics"),
        *("cluster.truth.json", "cluster.inventory.json"),
    }


def values(messages: list[Message]) -> list[bytes]:
    return [message.value for message in messages]


def test_until_it_is_stopped(kafka_broker: Broker, tmp_path: Path) -> None:
    """At the rate asked for."""
    arguments = command(kafka_broker, "endless", "reference", "--out", str(tmp_path / "live"))
    process = subprocess.Popen([*arguments, "--rate", "2000"], stdout=subprocess.PIPE, text=True)
    begun = time.monotonic()
    wait(lambda: len(read(kafka_broker.bootstrap, "endless", 1_001, seconds=1)) > 1_000)
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=60)
    elapsed = time.monotonic() - begun
    truth, opened = told(tmp_path / "live.truth.json")
    assert process.returncode == 0
    assert out.splitlines()[0] == f'{truth["flows"]:,} flows in topic "endless"'
    assert 1_000 < truth["flows"] <= 2_000 * elapsed
    messages = read(kafka_broker.bootstrap, "endless", truth["flows"] + 1, seconds=2)
    assert len(messages) == truth["flows"]
    assert syn(messages) == opened


def test_no_broker() -> None:
    """It gives up and says so."""
    arguments = ["simulate", "reference", "--kafka", "127.0.0.1:1", "--security", "missing.yaml"]
    done = subprocess.run([COMMAND, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 78
    assert done.stderr == "missing.yaml: error: cannot be read: No such file or directory\n"


def test_a_broker_that_comes_late_and_goes_away_loses_and_doubles_nothing(
    new_kafka: Callable[[Security | None], Kafka], tmp_path: Path
) -> None:
    """The truth is about what is there."""
    broker = new_kafka(None)
    broker.stop()
    arguments = command(broker, "flows", "cluster", "--out", str(tmp_path / "live"))
    process = subprocess.Popen([*arguments, "--rate", "20000"], stdout=subprocess.PIPE, text=True)
    time.sleep(3)
    broker.start()
    wait(lambda: has_more_than(broker, 20_000))
    broker.kill()
    time.sleep(2)
    broker.start()
    wait(lambda: has_more_than(broker, 60_000))
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    truth, opened = told(tmp_path / "live.truth.json")
    assert process.returncode == 0
    messages = read(broker.bootstrap, "flows", truth["flows"] + 1, seconds=2)
    assert len(messages) == truth["flows"] > 60_000
    assert syn(messages) == opened


def has_more_than(broker: Broker, flows: int) -> bool:
    """Whether the topic has; not while it is not there yet, or has no leader."""
    return len(read(broker.bootstrap, "flows", flows + 1, seconds=1)) > flows
