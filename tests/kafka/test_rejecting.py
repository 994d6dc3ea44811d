"""A source whose messages are all rejected says so soon, and when they are fine again."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from simulate import simulate
from tests.kafka.support.counting import FLOW, counting, seen, value
from tests.kafka.support.feeding import produce
from tests.kafka.support.workers import Worker, running, wait
from tests.real.broker import Broker
from tests.support.recordings import messages


def rejects(worker: Worker) -> list[str]:
    """What /readyz says of stages that reject most of what comes."""
    found: list[str] = worker.get("/readyz")[1].get("rejects", [])
    return found


def test_protobuf_read_as_json(kafka_broker: Broker, tmp_path: Path) -> None:
    """Log once, /readyz, self-metric, with a guess; over when the messages are."""
    made = simulate("reference", tmp_path / "reference.pb")
    kafka_broker.create_topic("mistaken", 1)
    payloads = list(messages(made.recording))[:3_000]
    produce(kafka_broker.bootstrap, "mistaken", payloads, 1)
    worker = counting(tmp_path / "w", kafka_broker.bootstrap, ["mistaken"])
    with running(worker):
        wait(lambda: rejects(worker) != [])
        [told] = rejects(worker)
        assert told.startswith('stage "flows" rejects most messages: ')
        assert "They look like protobuf (NetObserv's flows: decoder protobuf)" in told
        assert value(worker, 'flowmatrix_stage_rejecting{stage="flows"}') == 1
        assert worker.get("/readyz")[0] == 200
        time.sleep(1)  # a second batch
        produce(kafka_broker.bootstrap, "mistaken", payloads[:100], 1)
        wait(
            lambda: (
                value(worker, 'flowmatrix_ingest_flows_processed{stage="flows"}')
                == len(payloads) + 100
            )
        )
        produce(kafka_broker.bootstrap, "mistaken", [FLOW] * 100_000, 1)
        wait(lambda: seen(worker) == 100_000)
        wait(lambda: rejects(worker) == [])
        assert value(worker, 'flowmatrix_stage_rejecting{stage="flows"}') == 0
    lines = [line for line in worker.log.read_text().splitlines() if "rejects most" in line]
    assert len(lines) == 1
    assert " ERROR " in lines[0]


@pytest.mark.parametrize(
    ("payload", "guess"),
    [(b"a,b,c\n", "CSV"), (b"\x00\x00\x00\x00\x07" + b"\x02\x06abc" * 3, "Avro or protobuf")],
)
def test_other_formats(kafka_broker: Broker, tmp_path: Path, payload: bytes, guess: str) -> None:
    topic = f"mistaken-{guess[:4].strip()}"
    kafka_broker.create_topic(topic, 1)
    produce(kafka_broker.bootstrap, topic, [payload] * 10, 1)
    worker = counting(tmp_path, kafka_broker.bootstrap, [topic])
    with running(worker):
        wait(lambda: any(f"look like {guess}" in told for told in rejects(worker)))


def test_a_topic_of_nothing_else_ends_the_worker(kafka_broker: Broker, tmp_path: Path) -> None:
    """By default, after 100,000 in a row of one partition: a topic is not drained."""
    kafka_broker.create_topic("drained-by-default", 1)
    produce(kafka_broker.bootstrap, "drained-by-default", [b"no json"] * 120_000, 1)
    worker = counting(tmp_path, kafka_broker.bootstrap, ["drained-by-default"])
    with running(worker, ready=False):
        assert worker.ended() == 1
    told = worker.log.read_text()
    assert "100000 messages in a row were rejected (dead_letters.max_consecutive is" in told
    assert "They look like plain text" in told
