"""A stage with a bug, over a real broker: its messages are dead letters, the others are counted."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.kafka.support.counting import positions, seen
from tests.kafka.support.feeding import produce
from tests.kafka.support.letters import letters, told
from tests.kafka.support.workers import Worker, running, totals, wait
from tests.real.broker import Broker

_FLOWS = 3_000


def fragile(folder: Path, broker: Broker, topic: str, modulo: int, **settings: Any) -> Worker:
    """A worker with a stage that fails on multiples of a number, and one beside it."""
    number = folder / "modulo"
    number.write_text(str(modulo))
    source = {"brokers": [broker.bootstrap], "topics": [topic], "decoder": "json", "linger": 0.1}
    count = {"name": "flows_seen", "type": "counter"}
    beside = {"name": "n_sum", "type": "counter", "value": "n"}
    stages = [
        {"name": "flows", "type": "ingest_kafka", "group_id": f"of-{topic}", **source},
        {"name": "fragile", "type": "fragile", "follows": "flows", "file": str(number)},
        {"name": "seen", "type": "encode_prometheus", "follows": "fragile", "metrics": [count]},
        {"name": "sum", "type": "encode_prometheus", "follows": "flows", "metrics": [beside]},
    ]
    config = folder / "kafka.yaml"
    checkpoint = {"interval": 0.3}
    config.write_text(yaml.safe_dump({"stages": stages, "checkpoint": checkpoint, **settings}))
    return Worker(config, "worker", with_test_stages=True)


def payloads(*numbers: int) -> list[bytes]:
    return [b'{"n":%d}' % n for n in numbers]


def sums(worker: Worker) -> tuple[float, float]:
    """The exact totals: flows behind the fragile stage, and the sum of `n` beside it."""
    counts = totals(worker)[1]
    return counts["flows_seen"][()], counts["n_sum"][()]


def test_only_what_fails_is_a_dead_letter(kafka_broker: Broker, tmp_path: Path) -> None:
    """The rest is counted; once the stage is mended, the letters are too."""
    kafka_broker.create_topic("fragile", 2)
    produce(kafka_broker.bootstrap, "fragile", payloads(*range(_FLOWS)), 2)
    dead = {"topic": "dead-fragile"}
    worker = fragile(tmp_path, kafka_broker, "fragile", 100, dead_letters=dead)
    bad = range(0, _FLOWS, 100)
    counted, rest = _FLOWS - len(bad), sum(range(_FLOWS)) - sum(bad)
    with running(worker):
        wait(lambda: positions(worker) == [_FLOWS / 2] * 2)
        wait(lambda: seen(worker) == counted)
        assert sums(worker) == (counted, rest)
        assert worker.exit() == 0
    found = letters(kafka_broker, "dead-fragile", len(bad))
    assert sorted(json.loads(letter.payload)["n"] for letter in found) == list(bad)
    for letter in found:
        n = json.loads(letter.payload)["n"]
        assert letter.headers == {
            "stage": "fragile",
            "reason": f'stage "fragile" failed: ArithmeticError: {n} is too round',
            "topic": "fragile",
            "partition": str((n + 1) % 2),
            "offset": str(n // 2),
            "of": "message",
        }
    assert worker.log.read_text().count("ArithmeticError") == 1
    mended = fragile(tmp_path, kafka_broker, "fragile", 1_000_000, dead_letters=dead)
    with running(mended):
        sent = told(kafka_broker, "dead-fragile", "--replay")
        assert sent == f"{len(bad)} messages sent back\n"
        produce(kafka_broker.bootstrap, "fragile", payloads(0), 1)
        wait(lambda: totals(mended)[0] == _FLOWS + len(bad) + 1)
        assert sums(mended) == (_FLOWS - 1, sum(range(_FLOWS))), "0 is a multiple of all"


def test_killed_while_it_searches(kafka_broker: Broker, tmp_path: Path) -> None:
    """Nothing is counted twice, and no letter is missing."""
    kafka_broker.create_topic("searched", 2)
    produce(kafka_broker.bootstrap, "searched", payloads(*range(_FLOWS)), 2)
    dead = {"topic": "dead-searched"}
    worker = fragile(tmp_path, kafka_broker, "searched", 3, dead_letters=dead)
    bad = range(0, _FLOWS, 3)
    with running(worker):
        wait(lambda: totals(worker)[0] > 0, every=0.05)
        worker.process.kill()
    with running(worker):
        assert totals(worker)[0] < _FLOWS, "it was killed meanwhile"
        wait(lambda: totals(worker)[0] == _FLOWS)
        assert sums(worker) == (_FLOWS - len(bad), sum(range(_FLOWS)) - sum(bad))
    lines = [json.loads(line) for line in told(kafka_broker, "dead-searched").splitlines()]
    assert sorted(json.loads(line["payload"])["n"] for line in lines) == list(bad)


@pytest.mark.parametrize(
    ("limit", "said"),
    [
        ({"max_consecutive": 200}, "200 messages in a row were rejected"),
        ({"max_ratio": 0.9}, "100 of 100 messages were rejected"),
    ],
)
def test_a_stage_that_fails_on_everything(
    kafka_broker: Broker, tmp_path: Path, limit: dict[str, Any], said: str
) -> None:
    """A limit ends the worker."""
    topic = f"fails-{next(iter(limit))}"
    kafka_broker.create_topic(topic, 1)
    produce(kafka_broker.bootstrap, topic, payloads(*range(_FLOWS)), 1)
    worker = fragile(tmp_path, kafka_broker, topic, 1, dead_letters=limit)
    with running(worker, ready=False):
        assert worker.ended() == 1
    assert said in worker.log.read_text()


def test_it_stays_a_member_and_ends_soon_meanwhile(kafka_broker: Broker, tmp_path: Path) -> None:
    """The search takes longer than a session, and the group does not notice."""
    kafka_broker.create_topic("failing-on", 1)
    produce(kafka_broker.bootstrap, "failing-on", payloads(*range(50_000)), 1)
    worker = fragile(tmp_path, kafka_broker, "failing-on", 1)
    with running(worker):
        wait(lambda: sum(positions(worker)) > 0)
        time.sleep(7)
        assert worker.get("/readyz")[0] == 200
        assert 0 < sum(positions(worker)) < 50_000
        assert worker.exit() == 0
    assert "joining again" not in worker.log.read_text()
