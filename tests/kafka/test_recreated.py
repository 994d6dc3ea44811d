"""A topic that was deleted and made again, shorter or longer than what was counted of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kafka.support.admin import delete_topic
from tests.kafka.support.counting import FLOW, counting, positions, seen
from tests.kafka.support.feeding import produce
from tests.kafka.support.workers import running, totals, wait
from tests.real.broker import Broker


def again(broker: Broker, topic: str, messages: int) -> None:
    """Delete a topic and make it again with so many messages."""
    delete_topic(broker, topic)
    broker.create_topic(topic, 1)
    produce(broker.bootstrap, topic, [FLOW] * messages, 1)


@pytest.mark.parametrize("messages", [50, 150])
def test_it_stops_and_says_so_after_a_restart(
    kafka_broker: Broker, tmp_path: Path, messages: int
) -> None:
    """Shorter or longer than the old one."""
    topic = f"again-{messages}"
    kafka_broker.create_topic(topic, 1)
    produce(kafka_broker.bootstrap, topic, [FLOW] * 100, 1)
    worker = counting(tmp_path, kafka_broker.bootstrap, [topic])
    with running(worker):
        wait(lambda: positions(worker) == [100])
        assert worker.exit() == 0
    again(kafka_broker, topic, messages)
    with running(worker, ready=False):
        assert worker.ended() == 1
    assert f"topic {topic} was deleted and made again since" in worker.log.read_text()
    assert "recreated_topic: start_over" in worker.log.read_text()


@pytest.mark.parametrize("messages", [50, 150])
def test_it_stops_while_it_runs(kafka_broker: Broker, tmp_path: Path, messages: int) -> None:
    """Within seconds, and nothing of the new topic is durable."""
    topic = f"live-{messages}"
    kafka_broker.create_topic(topic, 1)
    produce(kafka_broker.bootstrap, topic, [FLOW] * 100, 1)
    worker = counting(tmp_path, kafka_broker.bootstrap, [topic])
    with running(worker):
        wait(lambda: seen(worker) == 100)
        again(kafka_broker, topic, messages)
        assert worker.ended() == 1
    assert f"topic {topic} was deleted and made again since" in worker.log.read_text()


@pytest.mark.parametrize("messages", [50, 150])
def test_it_counts_the_new_topic_from_its_start(
    kafka_broker: Broker, tmp_path: Path, messages: int
) -> None:
    """Where the configuration says so: on top of what it has, each message once."""
    topic = f"over-{messages}"
    kafka_broker.create_topic(topic, 1)
    produce(kafka_broker.bootstrap, topic, [FLOW] * 100, 1)
    worker = counting(tmp_path, kafka_broker.bootstrap, [topic], recreated_topic="start_over")
    with running(worker):
        wait(lambda: seen(worker) == 100)
        again(kafka_broker, topic, messages)
        wait(lambda: positions(worker) == [messages] and seen(worker) == 100 + messages)
        assert worker.exit() == 0
    with running(worker):
        wait(lambda: positions(worker) == [messages])
        assert totals(worker)[1]["flows_seen"] == {(): 100 + messages}
    assert "it is counted from its start" in worker.log.read_text()
