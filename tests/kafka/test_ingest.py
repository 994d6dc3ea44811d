"""What comes in: codecs, sizes, poison, topics and listeners of every kind."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka import admin as kafka_admin
from confluent_kafka.admin import AdminClient

from tests.kafka.feeding import produce
from tests.kafka.workers import COMMAND, Worker, running, wait
from tests.real.kafka import Kafka
from tests.real.listeners import Security, sasl_plain, self_signed, tls

_FLOW = b'{"SrcAddr":"10.0.0.1","DstAddr":"10.0.0.2","Bytes":5,"Flags":2}'


def counting(folder: Path, broker: str, topics: list[str], **more: Any) -> Worker:
    """A worker that counts JSON flows; `more` are settings, or belong to the source."""
    settings: dict[str, Any] = {
        name: more.pop(name) for name in ("dead_letters", "checkpoint") if name in more
    }
    source = {"brokers": [broker], "topics": topics, "decoder": "json", "linger": 0.1}
    source |= {"group_id": f"of-{topics[0]}", **more}
    count = {"name": "flows_seen", "type": "counter"}
    stages = [
        {"name": "flows", "type": "ingest_kafka", **source},
        {"name": "seen", "type": "encode_prometheus", "follows": "flows", "metrics": [count]},
    ]
    folder.mkdir(exist_ok=True)
    config = folder / "kafka.yaml"
    settings = {"checkpoint": {"interval": 0.3}} | settings
    config.write_text(yaml.safe_dump({"stages": stages, **settings}))
    return Worker(config, "worker")


def seen(worker: Worker) -> float:
    """The counter of all flows, as shown."""
    for line in worker.get("/metrics")[1].decode().splitlines():
        if line.startswith("flows_seen "):
            return float(line.split()[1])
    return 0


def positions(worker: Worker) -> list[int]:
    """How far the partitions are counted for good."""
    return [place["position"] for place in worker.get("/api/v0/progress")[1]["partitions"]]


class Letter:
    def __init__(self, message: Any) -> None:
        self.payload = message.value()
        self.headers = {name: value.decode() for name, value in message.headers()}


def letters(broker: Kafka, topic: str, count: int) -> list[Letter]:
    consumer = Consumer({"bootstrap.servers": broker.bootstrap, "group.id": "reader"})
    consumer.assign([TopicPartition(topic, 0, 0)])
    try:
        return [Letter(message) for message in consumer.consume(count, timeout=20)]
    finally:
        consumer.close()


def test_every_codec_and_several_topics(kafka_broker: Kafka, tmp_path: Path) -> None:
    codecs = ["none", "gzip", "snappy", "lz4", "zstd"]
    topics = [f"in-{codec}" for codec in codecs]
    for codec, topic in zip(codecs, topics, strict=True):
        kafka_broker.create_topic(topic, 2)
        produce(kafka_broker.bootstrap, topic, [_FLOW] * 500, 2, compression_type=codec)
    worker = counting(tmp_path, kafka_broker.bootstrap, topics)
    with running(worker):
        wait(lambda: seen(worker) == 2_500)


def test_poison_goes_to_the_dead_letters(kafka_broker: Kafka, tmp_path: Path) -> None:
    kafka_broker.create_topic("poisoned", 1)
    payloads = [b"no json" if n % 100 == 0 else _FLOW for n in range(1_000)]
    produce(kafka_broker.bootstrap, "poisoned", payloads, 1)
    dead = {"topic": "dead-letters"}
    worker = counting(tmp_path, kafka_broker.bootstrap, ["poisoned"], dead_letters=dead)
    with running(worker):
        wait(lambda: seen(worker) == 990)
    found = letters(kafka_broker, "dead-letters", 10)
    assert [letter.payload for letter in found] == [b"no json"] * 10
    offsets = [int(letter.headers.pop("offset")) for letter in found]
    assert sorted(offsets) == list(range(0, 1_000, 100))
    reason = found[0].headers.pop("reason")
    assert "JSON" in reason
    assert found[0].headers == {
        "stage": "flows",
        "topic": "poisoned",
        "partition": "0",
        "of": "message",
    }


def test_too_much_poison_stops_the_worker(kafka_broker: Kafka, tmp_path: Path) -> None:
    kafka_broker.create_topic("drained", 1)
    produce(kafka_broker.bootstrap, "drained", [_FLOW] * 10 + [b"no json"] * 500, 1)
    limit = {"max_consecutive": 100}
    worker = counting(tmp_path, kafka_broker.bootstrap, ["drained"], dead_letters=limit)
    with running(worker, ready=False):
        assert worker.ended() == 1
    assert "100 messages in a row were rejected" in worker.log.read_text()


def test_messages_of_any_size(kafka_broker: Kafka, tmp_path: Path) -> None:
    kafka_broker.create_topic("sizes", 1, max_message_bytes=str(11 << 20))
    large = json.dumps({"Bytes": 1, "Note": "x" * (10 << 20)}).encode()
    payloads = [b"1", large, b"", _FLOW, b"{}", large, b"x"]
    produce(kafka_broker.bootstrap, "sizes", payloads, 1, message_max_bytes=str(12 << 20))
    worker = counting(
        tmp_path, kafka_broker.bootstrap, ["sizes"], dead_letters={"topic": "dead-sizes"}
    )
    with running(worker):
        wait(lambda: positions(worker) == [7])
        wait(lambda: seen(worker) == 4)


def test_a_trickle_is_shown_soon(kafka_broker: Kafka, tmp_path: Path) -> None:
    kafka_broker.create_topic("trickle", 1)
    settings = {"linger": 1.0, "checkpoint": {"interval": 1.0}}
    worker = counting(tmp_path, kafka_broker.bootstrap, ["trickle"], **settings)
    with running(worker):
        for sent in range(1, 4):
            produce(kafka_broker.bootstrap, "trickle", [_FLOW], 1)
            start = time.monotonic()
            wait(lambda sent=sent: seen(worker) == sent)  # type: ignore[misc] # bound at once
            assert time.monotonic() - start < 3.5


def test_a_topic_that_comes_later_and_grows(kafka_broker: Kafka, tmp_path: Path) -> None:
    worker = counting(tmp_path, kafka_broker.bootstrap, ["later"])
    with running(worker, ready=False):
        wait(lambda: worker.get("/readyz")[1].get("reason") == "no topic later yet")
        kafka_broker.create_topic("later", 1)
        produce(kafka_broker.bootstrap, "later", [_FLOW] * 10, 1)
        wait(lambda: seen(worker) == 10)


def test_from_the_end(kafka_broker: Kafka, tmp_path: Path) -> None:
    kafka_broker.create_topic("end", 1)
    produce(kafka_broker.bootstrap, "end", [_FLOW] * 10, 1)
    worker = counting(tmp_path, kafka_broker.bootstrap, ["end"], start_offset="last")
    with running(worker):
        wait(lambda: positions(worker) == [10])
        assert worker.exit() == 0
    produce(kafka_broker.bootstrap, "end", [_FLOW] * 3, 1)
    with running(worker):
        wait(lambda: seen(worker) == 3)


NewKafka = Callable[[Security | None], Kafka]


def test_tls_with_a_client_certificate(new_kafka: NewKafka, tmp_path: Path) -> None:
    pem = self_signed(tmp_path)
    (tmp_path / "secret").mkdir()
    for name, source in {"ca.crt": "crt", "user.crt": "crt", "user.key": "key"}.items():
        (tmp_path / "secret" / name).write_text(pem.with_suffix(f".{source}").read_text())
    broker = new_kafka(tls(pem, ask=True))
    broker.create_topic("t")
    produce(broker.bootstrap, "t", [_FLOW] * 5, 1)
    folder = str(tmp_path / "secret")
    shown = {"ca": folder, "cert": folder, "key": folder}
    worker = counting(tmp_path / "w", broker.secure, ["t"], tls=shown)
    with running(worker):
        wait(lambda: seen(worker) == 5)


def enrol(broker: Kafka, name: str, password: bytes, mechanism: str) -> None:
    made: Any = kafka_admin  # its stubs leave these classes out
    kind = made.ScramMechanism[mechanism.upper().replace("-", "_")]
    info = made.ScramCredentialInfo(kind, 4096)
    user = made.UserScramCredentialUpsertion(name, info, password)
    admin = AdminClient({"bootstrap.servers": broker.bootstrap})
    admin.alter_user_scram_credentials([user])[name].result()


@pytest.mark.parametrize("mechanism", ["scram-sha-256", "scram-sha-512"])
def test_scram_over_tls(new_kafka: NewKafka, tmp_path: Path, mechanism: str) -> None:
    pem = self_signed(tmp_path)
    module = "org.apache.kafka.common.security.scram.ScramLoginModule"
    broker = new_kafka(
        Security(
            "SASL_SSL",
            {
                **tls(pem).settings,
                "sasl.enabled.mechanisms": mechanism.upper(),
                f"listener.name.client.{mechanism}.sasl.jaas.config": f"{module} required;",
            },
        )
    )
    broker.create_topic("t")
    produce(broker.bootstrap, "t", [_FLOW] * 5, 1)
    enrol(broker, "ann", b"s3cret-word", mechanism)
    (tmp_path / "password").write_text("s3cret-word\n")
    sasl = {
        "mechanism": mechanism,
        "username": "ann",
        "password_file": str(tmp_path / "password"),
    }
    crt = {"ca": str(pem.with_suffix(".crt"))}
    worker = counting(tmp_path / "w", broker.secure, ["t"], tls=crt, sasl=sasl)
    with running(worker):
        wait(lambda: seen(worker) == 5)
    assert "s3cret" not in worker.log.read_text()


def test_a_wrong_password(new_kafka: NewKafka, tmp_path: Path) -> None:
    broker = new_kafka(sasl_plain(ann="secret"))
    broker.create_topic("t")
    (tmp_path / "password").write_text("wrong-word")
    sasl = {"username": "ann", "password_file": str(tmp_path / "password")}
    worker = counting(tmp_path / "w", broker.secure, ["t"], sasl=sasl)
    with running(worker, ready=False):
        wait(lambda: "refuses the login" in str(worker.get("/readyz")[1].get("reason")))
        (tmp_path / "password").write_text("secret")
        produce(broker.bootstrap, "t", [_FLOW] * 5, 1)
        wait(lambda: seen(worker) == 5)
    assert "wrong-word" not in worker.log.read_text()


def test_dead_letters_are_read_and_sent_back(kafka_broker: Kafka, tmp_path: Path) -> None:
    kafka_broker.create_topic("replayed", 2)
    produce(kafka_broker.bootstrap, "replayed", [b"no json", b"\xff", _FLOW], 2)
    dead = {"topic": "dead-replayed"}
    worker = counting(tmp_path, kafka_broker.bootstrap, ["replayed"], dead_letters=dead)
    with running(worker):
        wait(lambda: sum(positions(worker)) == 3)
        first = [json.loads(line) for line in told(kafka_broker, "dead-replayed").splitlines()]
        places = {(letter["partition"], letter["offset"], letter["topic"]) for letter in first}
        assert places == {(1, 0, "replayed"), (0, 0, "replayed")}
        assert {"no json", None} == {letter.get("payload") for letter in first}
        assert told(kafka_broker, "dead-replayed", "--replay") == "2 messages sent back\n"
        wait(lambda: sum(positions(worker)) == 5)
        assert len(told(kafka_broker, "dead-replayed").splitlines()) == 4
        assert told(kafka_broker, "dead-replayed", "--replay") == "2 messages sent back\n"
        assert worker.exit() == 0
    with pytest.raises(subprocess.CalledProcessError) as refused:
        told(kafka_broker, "nowhere")
    assert 'there is no topic "nowhere"' in refused.value.stderr


def told(broker: Kafka, topic: str, *arguments: str) -> str:
    command = [COMMAND, "dead-letters", "--bootstrap", broker.bootstrap, "--topic", topic]
    done = subprocess.run(
        [*command, *arguments], capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout
