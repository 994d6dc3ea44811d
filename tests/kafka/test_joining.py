"""A group that cannot be joined: the worker says why, and joins when it can."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer

from tests.kafka.support.admin import allow, forbid
from tests.kafka.support.counting import FLOW, counting, reason, seen, value
from tests.kafka.support.feeding import produce
from tests.kafka.support.workers import Worker, running, totals, wait
from tests.real.broker import Broker
from tests.real.kafka import Kafka
from tests.real.listeners import Security, sasl_plain

_SOON = 15  # seconds; 10 on a machine that does nothing else
_BACK = 30


def refused(worker: Worker, why: str, error: str) -> None:
    """Wait until a worker says why it does not count, everywhere, and that it is alive."""
    wait(lambda: why in reason(worker), seconds=_SOON)
    assert worker.get("/readyz")[0] == 503
    assert worker.get("/healthz")[0] == 200
    assert value(worker, f'flowmatrix_kafka_errors{{error="{error}"}}') >= 1
    assert value(worker, "flowmatrix_kafka_ready") == 0


def said_once(worker: Worker, why: str) -> None:
    """The log has a reason once."""
    lines = [x for x in worker.log.read_text().splitlines() if why in x and "status" in x]
    assert len(lines) == 1, lines


@contextmanager
def member(broker: Broker, group: str, topic: str) -> Iterator[None]:
    """Another program in the group, which knows nothing of how workers share partitions."""
    other = Consumer(
        {"bootstrap.servers": broker.bootstrap, "group.id": group, "session.timeout.ms": 6_000}
    )
    joined: list[Any] = []
    other.subscribe([topic], on_assign=lambda _, partitions: joined.append(partitions))
    wait(lambda: other.poll(0.1) is None and bool(joined))
    try:
        yield
    finally:
        other.close()


def test_another_program_has_the_group(kafka_broker: Broker, tmp_path: Path) -> None:
    """It joins when the other program has left."""
    kafka_broker.create_topic("shared", 1)
    worker = counting(tmp_path, kafka_broker.bootstrap, ["shared"])
    why = "another program has the same group_id"
    with running(worker, ready=False):
        with member(kafka_broker, "of-shared", "shared"):
            refused(worker, why, "InconsistentGroupProtocolError")
        wait(lambda: reason(worker) == "", seconds=_BACK)
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


_ACLS = {
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "super.users": "User:ANONYMOUS",
    "allow.everyone.if.no.acl.found": "false",
}


@pytest.fixture
def guarded(new_kafka: Callable[[Security | None], Kafka]) -> Kafka:
    """A broker where user `flow` may describe topics, and have changelogs, and no more."""
    security = sasl_plain(flow="pw")
    broker = new_kafka(Security(security.protocol, {**security.settings, **_ACLS}))
    broker.create_topic("guarded", 1)
    allow(broker, "flow", "TOPIC", "of-guarded-", "ALL")
    produce(broker.bootstrap, "guarded", [FLOW] * 5, 1)
    return broker


def reader(folder: Path, broker: Kafka, password: str = "pw") -> Worker:  # noqa: S107 - the test's
    """A worker that logs in as user `flow`."""
    (folder / "password").write_text(password)
    sasl = {"username": "flow", "password_file": str(folder / "password")}
    return counting(folder / "w", broker.secure, ["guarded"], sasl=sasl)


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
        wait(lambda: reason(worker) == "", seconds=_BACK)
        wait(lambda: seen(worker) == 5)
    said_once(worker, why)


@pytest.mark.parametrize(("kind", "name"), [("TOPIC", "guarded"), ("GROUP", "of-guarded")])
def test_a_right_that_is_taken_away_and_given_back(
    guarded: Kafka, tmp_path: Path, kind: str, name: str
) -> None:
    """A worker that counts says what it misses, and goes on where it was."""
    allow(guarded, "flow", "TOPIC", "guarded", "READ")
    allow(guarded, "flow", "GROUP", "of-guarded", "READ")
    worker = reader(tmp_path, guarded)
    with running(worker):
        wait(lambda: seen(worker) == 5)
        forbid(guarded, "flow", kind, name)
        produce(guarded.bootstrap, "guarded", [FLOW] * 5, 1)
        wait(lambda: name in reason(worker), seconds=_SOON)
        allow(guarded, "flow", kind, name, "READ")
        wait(lambda: reason(worker) == "", seconds=_BACK)
        wait(lambda: totals(worker)[0] == 10)
        assert totals(worker)[1]["flows_seen"] == {(): 10}


def test_a_login_that_lapses(new_kafka: Callable[[Security | None], Kafka], tmp_path: Path) -> None:
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
        wait(lambda: "refuses the login" in reason(worker), seconds=_SOON)
        (tmp_path / "password").write_text("other")
        wait(lambda: reason(worker) == "", seconds=_BACK)
        produce(broker.bootstrap, "guarded", [FLOW] * 5, 1)
        wait(lambda: seen(worker) == 10)
