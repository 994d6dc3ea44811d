"""Which group a command is in: none for those that read, else the pipeline's own."""

from __future__ import annotations

import re
import subprocess
import time
from pathlib import Path

import pytest
from confluent_kafka import Consumer
from confluent_kafka.admin import AdminClient

from tests.kafka.support.counting import FLOW, reason, seen
from tests.kafka.support.feeding import produce
from tests.kafka.support.workers import COMMAND, Worker, running, wait
from tests.real.broker import Broker

PIPELINE = """\
stages:
- {{name: flows, type: ingest_kafka, brokers: ["{brokers}"], topics: [{topic}], decoder: json}}
- name: seen
  type: encode_prometheus
  follows: flows
  metrics: [{{name: flows_seen, type: counter}}]
checkpoint: {{interval: 300ms}}
"""
DIALECT = """\
pipeline:
- {{name: ingest}}
- {{name: out, follows: ingest}}
parameters:
- name: ingest
  ingest:
    type: kafka
    kafka: {{brokers: ["{brokers}"], topic: {topic}, groupid: {topic}, decoder: {{type: json}}}}
- {{name: out, write: {{type: none}}}}
"""


def written(folder: Path, broker: Broker, topic: str, text: str = PIPELINE) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / "pipeline.yaml"
    path.write_text(text.format(brokers=broker.bootstrap, topic=topic))
    return path


def groups(broker: Broker) -> set[str]:
    """The groups that the broker knows."""
    listed = AdminClient({"bootstrap.servers": broker.bootstrap}).list_consumer_groups()
    return {group.group_id for group in listed.result(60).valid}


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["matrix", "FILE"], 2),
        (["matrix", "FILE", "-n", "shop", "--format", "json"], 2),
        (["discover", "FILE"], 2),
        (["validate", "FILE"], 0),
        (["graph", "FILE"], 0),
        (["convert", "FILE"], 0),
        (["who", "10.0.0.1", "--config", "FILE", "--inventory", "inventory.yaml"], 0),
    ],
)
def test_a_command_that_reads_joins_no_group(
    kafka_broker: Broker, tmp_path: Path, arguments: list[str], code: int
) -> None:
    """It ends at once; `matrix`, which would need the flows, names what else works."""
    topic = "read-only"
    if topic not in AdminClient({"bootstrap.servers": kafka_broker.bootstrap}).list_topics().topics:
        kafka_broker.create_topic(topic, 1)
    path = written(tmp_path, kafka_broker, topic)
    (tmp_path / "inventory.yaml").write_text(
        "kind: Pod\nmetadata: {name: a, namespace: b}\nstatus: {podIPs: [{ip: 10.0.0.1}]}\n"
    )
    before = groups(kafka_broker)
    command = [COMMAND, *(str(path) if one == "FILE" else one for one in arguments)]
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == code, done.stderr
    assert groups(kafka_broker) <= before, "of those, some end meanwhile"
    if code:
        assert done.stdout == ""
        assert "no end" in done.stderr
        assert "--server" in done.stderr
        assert "--input FILE" in done.stderr


def test_two_pipelines_without_a_group_id_each_count_everything(
    kafka_broker: Broker, tmp_path: Path
) -> None:
    """Two files of one name share no group; each says which one it is in, and keeps it."""
    kafka_broker.create_topic("apart", 2)
    produce(kafka_broker.bootstrap, "apart", [FLOW] * 40, 2)
    workers = [
        Worker(written(tmp_path / name, kafka_broker, "apart"), "worker") for name in ("a", "b")
    ]
    with running(*workers):
        wait(lambda: [seen(worker) for worker in workers] == [40, 40])
    told = [re.findall(r"the group is (\S+), derived", w.log.read_text()) for w in workers]
    assert all(re.fullmatch("flowmatrix-pipeline-[0-9a-f]{8}", name) for [name] in told)
    assert told[0] != told[1]
    again = Worker(tmp_path / "a" / "pipeline.yaml", "again")
    with running(again):
        assert told[0] == re.findall(r"the group is (\S+), derived", again.log.read_text())


def test_a_file_as_is_beside_the_program_that_it_is_from(
    kafka_broker: Broker, tmp_path: Path
) -> None:
    """It has the group of the file, is not let near it, and says who is in there."""
    kafka_broker.create_topic("living", 1)
    path = written(tmp_path, kafka_broker, "living", DIALECT)
    settings = {"bootstrap.servers": kafka_broker.bootstrap, "group.id": "living"}
    moved: list[object] = []
    other = Consumer({**settings, "client.id": "flowlogs-pipeline", "session.timeout.ms": 6_000})
    other.subscribe(["living"], on_assign=lambda _, found: moved.append(found))
    wait(lambda: other.poll(0.1) is None and bool(moved))
    worker = Worker(path, "worker")
    try:
        with running(worker, ready=False):
            wait(lambda: "another program has the same group_id" in reason(worker))
            assert "living has flowlogs-pipeline at 127.0.0.1" in reason(worker)
            deadline = time.monotonic() + 3
            while time.monotonic() < deadline:
                other.poll(0.1)
            assert len(moved) == 1
    finally:
        other.close()
    told = worker.log.read_text()
    assert "ERROR" in told
    assert "living has flowlogs-pipeline at" in told
    there = AdminClient({"bootstrap.servers": kafka_broker.bootstrap}).list_topics(timeout=60)
    assert "living-living-ledger-changelog" not in there.topics
