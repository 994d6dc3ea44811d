"""Workers that cannot join, and brokers with access rules."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer

from tests.kafka.support.admin import allow
from tests.kafka.support.counting import FLOW, counting, reason, value
from tests.kafka.support.feeding import produce
from tests.kafka.support.workers import Worker, wait
from tests.real.broker import Broker
from tests.real.kafka import Kafka
from tests.real.listeners import Security, sasl_plain

SOON, BACK = 60, 120
"""Seconds until a worker says why it does not count, and until it counts when it can.

A few, where the machine does nothing else.
"""

_STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")

ACLS = {
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "super.users": "User:ANONYMOUS",
    "allow.everyone.if.no.acl.found": "false",
}


def refused(worker: Worker, why: str, error: str) -> None:
    """Wait until a worker says why it does not count, everywhere, and that it is alive."""
    missing(worker, why)
    assert worker.get("/readyz")[0] == 503
    assert worker.get("/healthz")[0] == 200
    assert value(worker, f'flowmatrix_kafka_errors{{error="{error}"}}') >= 1
    assert value(worker, "flowmatrix_kafka_ready") == 0


def missing(worker: Worker, why: str) -> None:
    """Wait until a worker says why it does not count; by its own clock, that was soon."""
    begun = time.time()
    wait(lambda: why in reason(worker))
    stamps = [_STAMP.match(line) for line in worker.log.read_text().splitlines() if why in line]
    first = next(stamp[0] for stamp in stamps if stamp)
    assert datetime.fromisoformat(first).timestamp() - begun < SOON


def said_once(worker: Worker, why: str) -> None:
    """The log has a reason once."""
    lines = [x for x in worker.log.read_text().splitlines() if why in x and "status" in x]
    assert len(lines) == 1, lines


def guarded_broker(new_kafka: Callable[[Security | None], Kafka]) -> Kafka:
    """A broker with a topic `guarded` of five flows, where user `flow` may do nothing."""
    security = sasl_plain(flow="pw")
    broker = new_kafka(Security(security.protocol, {**security.settings, **ACLS}))
    broker.create_topic("guarded", 1)
    produce(broker.bootstrap, "guarded", [FLOW] * 5, 1)
    return broker


def may_read(broker: Kafka) -> None:
    """User `flow` may read topic and group."""
    allow(broker, "flow", "TOPIC", "guarded", "READ")
    allow(broker, "flow", "GROUP", "of-guarded", "READ")


def reader(folder: Path, broker: Kafka, password: str = "pw", **more: Any) -> Worker:  # noqa: S107 - the test's
    """A worker that logs in as user `flow`."""
    (folder / "password").write_text(password)
    sasl = {"username": "flow", "password_file": str(folder / "password")}
    return counting(folder / "w", broker.secure, ["guarded"], sasl=sasl, **more)


@contextmanager
def other_member(broker: Broker, group: str, topic: str) -> Iterator[Callable[[], None]]:
    """Another program in the group, which knows nothing of how workers share partitions.

    It leaves when it is told to, or with the block.
    """
    other = Consumer(
        {"bootstrap.servers": broker.bootstrap, "group.id": group, "session.timeout.ms": 6_000}
    )
    joined: list[Any] = []
    other.subscribe([topic], on_assign=lambda _, partitions: joined.append(partitions))
    wait(lambda: other.poll(0.1) is None and bool(joined))
    try:
        yield other.close
    finally:
        other.close()
