"""A group that cannot be joined: the worker says why, and joins when it can."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.files import write
from tests.kafka.support.admin import allow, forbid
from tests.kafka.support.counting import FLOW, NewKafka, counting, reason, seen
from tests.kafka.support.feeding import produce
from tests.kafka.support.joining import (
    BACK,
    guarded_broker,
    may_read,
    missing,
    other_member,
    reader,
    refused,
    said_once,
)
from tests.kafka.support.workers import running, totals, wait
from tests.real.broker import Broker
from tests.real.kafka import Kafka
from tests.real.listeners import sasl_plain


def test_another_program_has_the_group(kafka_broker: Broker, tmp_path: Path) -> None:
    """It joins when the other program has left."""
    kafka_broker.create_topic("shared", 1)
    worker = counting(tmp_path, kafka_broker.bootstrap, ["shared"])
    why = "another program has the same group_id"
    with other_member(kafka_broker, "of-shared", "shared") as leave, running(worker, ready=False):
        refused(worker, why, "InconsistentGroupProtocolError")
        leave()
        wait(lambda: reason(worker) == "", seconds=BACK)
        produce(kafka_broker.bootstrap, "shared", [FLOW] * 5, 1)
        wait(lambda: seen(worker) == 5)
    said_once(worker, why)


@pytest.mark.parametrize("seconds", [2, 3600])
def test_a_session_that_the_broker_does_not_take(
    kafka_broker: Broker, tmp_path: Path, seconds: int
) -> None:
    """The configuration has to change; the worker stays alive and says so."""
    topic = f"session-{seconds}"
    kafka_broker.create_topic(topic, 1)
    worker = counting(tmp_path, kafka_broker.bootstrap, [topic], session_timeout=seconds)
    with running(worker, ready=False):
        refused(worker, "do not take this session_timeout", "InvalidSessionTimeoutError")
        assert worker.exit() == 0
    said_once(worker, "do not take this session_timeout")


@pytest.fixture
def guarded(new_kafka: NewKafka) -> Kafka:
    """A broker where user `flow` may have changelogs, and no more."""
    broker = guarded_broker(new_kafka)
    allow(broker, "flow", "TOPIC", "of-guarded-", "ALL")
    return broker


def test_rights_that_come_later(guarded: Kafka, tmp_path: Path) -> None:
    """On the topic first, then on the group; each is named while it is missing."""
    worker = reader(tmp_path, guarded)
    with running(worker, ready=False):
        refused(worker, "topic guarded cannot be described", "TopicNotReady")
        allow(guarded, "flow", "TOPIC", "guarded", "DESCRIBE")
        refused(worker, "not authorized to read topic guarded", "TopicNotReady")
        allow(guarded, "flow", "TOPIC", "guarded", "READ")
        why = "not authorized to read group of-guarded"
        refused(worker, why, "GroupAuthorizationFailedError")
        allow(guarded, "flow", "GROUP", "of-guarded", "READ")
        wait(lambda: reason(worker) == "", seconds=BACK)
        wait(lambda: seen(worker) == 5)
    said_once(worker, why)


@pytest.mark.parametrize(("kind", "name"), [("TOPIC", "guarded"), ("GROUP", "of-guarded")])
def test_a_right_that_is_taken_away_and_given_back(
    guarded: Kafka, tmp_path: Path, kind: str, name: str
) -> None:
    """A worker that counts says what it misses, and goes on where it was."""
    may_read(guarded)
    worker = reader(tmp_path, guarded)
    with running(worker):
        wait(lambda: seen(worker) == 5)
        forbid(guarded, "flow", kind, name)
        produce(guarded.bootstrap, "guarded", [FLOW] * 5, 1)
        missing(worker, name)
        allow(guarded, "flow", kind, name, "READ")
        wait(lambda: reason(worker) == "", seconds=BACK)
        wait(lambda: totals(worker)[0] == 10)
        assert totals(worker)[1]["flows_seen"] == {(): 10}


def test_a_login_that_lapses(new_kafka: NewKafka, tmp_path: Path) -> None:
    """The brokers take another password: the worker says so, and logs in with the new one."""
    broker = new_kafka(sasl_plain(flow="pw"))
    broker.create_topic("guarded", 1)
    worker = reader(tmp_path, broker)
    with running(worker):
        produce(broker.bootstrap, "guarded", [FLOW] * 5, 1)
        wait(lambda: seen(worker) == 5)
        lines = (broker.folder / "server.properties").read_text()
        broker.stop()
        (broker.folder / "server.properties").write_text(
            lines.replace('user_flow="pw"', 'user_flow="other"')
        )
        broker.start()
        missing(worker, "refuses the login")
        write(tmp_path / "password", "other")
        wait(lambda: reason(worker) == "", seconds=BACK)
        produce(broker.bootstrap, "guarded", [FLOW] * 5, 1)
        wait(lambda: seen(worker) == 10)
