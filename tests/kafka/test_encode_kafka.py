"""encode_kafka on a real broker, run from a file."""

from __future__ import annotations

import json
import random
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from simulate import simulate
from tests.kafka.support.counting import positions
from tests.kafka.support.feeding import produce
from tests.kafka.support.reading import Message, read
from tests.kafka.support.workers import Worker, running, wait
from tests.real.broker import Broker
from tests.real.kafka import Kafka
from tests.real.listeners import Security, sasl_plain, self_signed, tls

COMMAND = Path(sys.executable).with_name("flowmatrix")
CASE = Path(__file__).parents[1] / "golden" / "encode-kafka"


def run(config: Path, *arguments: str, text: str = "") -> str:
    """Run it to the end; what it says of an error, or nothing."""
    done = subprocess.run(
        [COMMAND, "run", config.name, "--once", *arguments],
        cwd=config.parent,
        input=text,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, 1), done.stderr
    return done.stderr if done.returncode else ""


def written(folder: Path, **encode: Any) -> Path:
    """A pipeline from JSON lines on standard input to a topic."""
    out = {"name": "out", "type": "encode_kafka", "follows": "flows", **encode}
    path = folder / "pipeline.yaml"
    source = {"name": "flows", "type": "ingest_stdin", "decoder": "json"}
    path.write_text(yaml.safe_dump({"stages": [source, out]}))
    return path


def test_the_original(kafka_broker: Broker, tmp_path: Path) -> None:
    """Cases of the original, through two topics."""
    kafka_broker.create_topic("enriched-flows", 2)
    text = (CASE / "config.yaml").read_text().replace("127.0.0.1:9092", kafka_broker.bootstrap)
    config = tmp_path / "config.yaml"
    config.write_text(f"{text}\nmetricsSettings: {{prefix: op_}}\n")
    assert not run(config, "--metrics-out", "m.prom", text=(CASE / "flows.jsonl").read_text())
    given = [
        {"key": key, "value": json.loads(value)}
        for key, value, _ in read(kafka_broker.bootstrap, "enriched-flows", 3)
    ]
    assert all(message["value"].pop("TimeReceived") for message in given)
    lines = (CASE / "expected.kafka.jsonl").read_text().split("\n")[:-1]
    expected = [json.loads(line) for line in lines]
    assert sorted(given, key=lambda m: len(str(m))) == sorted(expected, key=lambda m: len(str(m)))
    assert (CASE / "expected.op.prom").read_text() in (
        (tmp_path / "m.prom")
        .read_text()
        .replace("# HELP op_records_written Records delivered\n", "")
    )


@pytest.mark.parametrize("codec", ["none", "gzip", "snappy", "lz4", "zstd"])
def test_conversations_stay_together_in_order(
    kafka_broker: Broker, tmp_path: Path, codec: str
) -> None:
    """Both directions are in one partition."""
    made = simulate("cluster", tmp_path / "flows.jsonl", flows=5_000)
    topic = f"conversations-{codec}"
    kafka_broker.create_topic(topic, 4)
    config = written(tmp_path, brokers=[kafka_broker.bootstrap], topic=topic, compression=codec)
    assert not run(config, text=made.recording.read_text())
    found = read(kafka_broker.bootstrap, topic, 5_000)
    assert len(found) == 5_000
    partitions = defaultdict(set)
    for message in found:
        partitions[message.key].add(message.partition)
    assert {len(group) for group in partitions.values()} == {1}
    assert set.union(*partitions.values()) == {0, 1, 2, 3}
    assert by_conversation(found) == by_conversation(
        [Message(None, line.encode(), 0) for line in made.recording.read_text().splitlines()]
    )


def by_conversation(messages: list[Message]) -> dict[frozenset[str], list[tuple[int, int]]]:
    groups = defaultdict(list)
    for message in messages:
        flow = msgspec.json.decode(message.value)
        ends = frozenset((flow["SrcAddr"], flow["DstAddr"]))
        groups[ends].append((int(flow["TimeFlowEndMs"]), int(flow["Bytes"])))
    return dict(groups)


def test_a_record_that_is_too_large_for_the_topic(kafka_broker: Broker, tmp_path: Path) -> None:
    """It is told and counted as lost; all others are there once, in the order of their keys."""
    kafka_broker.create_topic("narrow", 2, max_message_bytes="4000")
    ends = [{"SrcAddr": f"10.0.0.{number % 9}", "DstAddr": "10.1.0.1"} for number in range(900)]
    flows = [{**one, "n": number} for number, one in enumerate(ends)]
    for number in (7, 450, 899):
        flows[number]["pad"] = random.Random(number).randbytes(9_000).hex()
    config = written(tmp_path, brokers=[kafka_broker.bootstrap], topic="narrow")
    done = subprocess.run(
        [COMMAND, "run", config.name, "--once"],
        cwd=tmp_path,
        input="".join(json.dumps(flow) + "\n" for flow in flows),
        capture_output=True,
        text=True,
        check=True,
    )
    assert 'topic "narrow" does not take records that are as large as 3 of these' in done.stderr
    found = [json.loads(value) for _, value, _ in read(kafka_broker.bootstrap, "narrow", 898)]
    sent = [(flow["SrcAddr"], flow["n"]) for flow in flows if "pad" not in flow]
    given = [(flow["SrcAddr"], flow["n"]) for flow in found]
    assert sorted(given, key=lambda one: str(one[0])) == sorted(sent)


def test_tls_and_a_client_certificate(
    new_kafka: Callable[[Security | None], Kafka], tmp_path: Path
) -> None:
    """The writer logs in as the source does."""
    pem = self_signed(tmp_path)
    broker = new_kafka(tls(pem, ask=True))
    broker.create_topic("t")
    show = {"ca": "broker.crt", "cert": "broker.crt", "key": "broker.key"}
    config = written(tmp_path, brokers=[broker.secure], topic="t", tls=show)
    assert not run(config, text='{"a":1}\n')
    assert [flow["a"] for flow in values(broker, 1)] == [1]


def test_a_password(new_kafka: Callable[[Security | None], Kafka], tmp_path: Path) -> None:
    """SASL, for the writer too."""
    broker = new_kafka(sasl_plain(ann="secret"))
    broker.create_topic("t")
    (tmp_path / "password").write_text("secret\n")
    sasl = {"username": "ann", "password_file": "password"}
    config = written(tmp_path, brokers=[broker.secure], topic="t", sasl=sasl)
    assert not run(config, text='{"a":1}\n')
    assert [flow["a"] for flow in values(broker, 1)] == [1]
    (tmp_path / "password").unlink()
    said = run(config, text='{"a":1}\n')
    assert said.startswith("error: sasl: cannot read ")


def values(broker: Kafka, count: int) -> list[dict[str, Any]]:
    return [msgspec.json.decode(value) for _, value, _ in read(broker.bootstrap, "t", count)]


@pytest.mark.parametrize(("form", "decoder"), [("json", "json"), ("protobuf", "flowmatrix")])
def test_a_pipeline_cut_in_two_counts_the_truth(
    kafka_broker: Broker, tmp_path: Path, form: str, decoder: str
) -> None:
    """One group enriches, another one counts."""
    topic = f"enriched-{form}"
    kafka_broker.create_topic(topic, 3)
    made = simulate("reference", tmp_path / "reference.pb")
    stages = yaml.safe_load(made.config.read_text())["stages"]
    counting = [stage for stage in stages if stage["type"] != "encode_matrix"]
    source, *enrich, flags, metrics, expose = counting
    reach = {"brokers": [kafka_broker.bootstrap]}
    out = {"name": "out", "type": "encode_kafka", "follows": enrich[-1]["name"], "topic": topic}
    first = tmp_path / "first.yaml"
    first.write_text(yaml.safe_dump({"stages": [source, *enrich, out | reach | {"format": form}]}))
    assert not run(first)
    back: dict[str, Any] = {
        "name": "flows",
        "type": "ingest_kafka",
        "topics": [topic],
        "decoder": decoder,
    }
    back |= {"group_id": topic, "linger": 0.1}
    second = tmp_path / "second.yaml"
    rest = [back | reach, flags | {"follows": "flows"}, metrics, expose]
    second.write_text(yaml.safe_dump({"stages": rest, "checkpoint": {"interval": 0.3}}))
    truth = json.loads(made.truth.read_text())["metrics"]["netobserv_workload_syn_out"]
    wanted = {tuple(row[:-1]): row[-1] for row in truth["series"]}
    worker = Worker(second, "second")
    with running(worker):
        wait(lambda: counted(worker, truth["labels"]) == wanted)


def test_a_worker_between_topics_loses_nothing_when_it_is_killed(
    kafka_broker: Broker, tmp_path: Path
) -> None:
    """What it wrote after its last checkpoint comes again, and nothing is missing."""
    for topic in ("raw", "refined"):
        kafka_broker.create_topic(topic, 2)
    reach = {"brokers": [kafka_broker.bootstrap]}
    source = {"topics": ["raw"], "decoder": "json", "group_id": "refining", "batch_size": 500}
    stages = [
        {"name": "flows", "type": "ingest_kafka", "linger": 0.1, **source, **reach},
        {"name": "some", "type": "filter", "follows": "flows", "query": "Proto=6"},
        {"name": "out", "type": "encode_kafka", "follows": "some", "topic": "refined", **reach},
    ]
    config = tmp_path / "kafka.yaml"
    config.write_text(yaml.safe_dump({"stages": stages, "checkpoint": {"interval": 1.0}}))
    flows = 20_000
    worker = Worker(config, "worker")

    def feed(numbers: range) -> None:
        lines = (b'{"n":%d,"Proto":%d}' % (n, 6 + 11 * (n % 2)) for n in numbers)
        produce(kafka_broker.bootstrap, "raw", lines, 2)

    for numbers in (range(flows // 2), range(flows // 2, flows)):
        with running(worker):
            feed(numbers)
            wait(lambda: 'records_written{stage="out"}' in worker.get("/metrics")[1].decode())
            worker.process.kill()
    with running(worker):
        wait(lambda: sum(positions(worker)) == flows)
        assert worker.exit() == 0
    found = read(kafka_broker.bootstrap, "refined", 10 * flows, seconds=2)
    numbers_out = [int(msgspec.json.decode(message.value)["n"]) for message in found]
    assert set(numbers_out) == set(range(0, flows, 2))
    assert len(numbers_out) >= flows / 2


def counted(worker: Worker, labels: list[str]) -> dict[tuple[str, ...], float]:
    """The series of the metric by the values of these labels."""
    found = {}
    for line in worker.get("/metrics")[1].decode().splitlines():
        if line.startswith("netobserv_workload_syn_out{"):
            series, value = line.rsplit(" ", 1)
            given = dict(re.findall(r'(\w+)="([^"]*)"', series))
            found[tuple(given[label] for label in labels)] = float(value)
    return found
