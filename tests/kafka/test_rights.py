"""Rights on the changelog and on the dead letters: named while they are missing, and taken up."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kafka.support.admin import allow, forbid
from tests.kafka.support.counting import FLOW, NewKafka, positions, reason, seen
from tests.kafka.support.feeding import produce
from tests.kafka.support.joining import (
    BACK,
    guarded_broker,
    may_read,
    missing,
    reader,
    refused,
    said_once,
)
from tests.kafka.support.letters import letters
from tests.kafka.support.workers import Worker, running, totals, wait
from tests.real.kafka import Kafka

CHANGELOG, LETTERS = "of-guarded-guarded-ledger-changelog", "letters"


@pytest.fixture
def guarded(new_kafka: NewKafka) -> Kafka:
    """A broker where user `flow` may read its topic as a member of its group, and no more."""
    broker = guarded_broker(new_kafka)
    may_read(broker)
    return broker


def back(worker: Worker, flows: int) -> None:
    """Wait until it counts again: each flow once."""
    wait(lambda: reason(worker) == "", seconds=BACK)
    wait(lambda: totals(worker)[0] == flows)
    assert totals(worker)[1]["flows_seen"] == {(): flows}


def test_rights_on_the_changelog_that_come_later(guarded: Kafka, tmp_path: Path) -> None:
    """Each in its turn: to see it, to make it, to read it, to write it."""
    worker = reader(tmp_path, guarded)
    with running(worker, ready=False):
        refused(worker, f"topic {CHANGELOG} cannot be described", "TopicNotReady")
        allow(guarded, "flow", "TOPIC", CHANGELOG, "DESCRIBE")
        why = f"not authorized to create topic {CHANGELOG}"
        missing(worker, why)
        allow(guarded, "flow", "TOPIC", CHANGELOG, "CREATE")
        missing(worker, f"not authorized to read topic {CHANGELOG}")
        allow(guarded, "flow", "TOPIC", CHANGELOG, "READ")
        missing(worker, f"not authorized to write to topic {CHANGELOG}")
        allow(guarded, "flow", "TOPIC", CHANGELOG, "WRITE")
        back(worker, 5)
    said_once(worker, why)


def test_a_changelog_that_others_made(guarded: Kafka, tmp_path: Path) -> None:
    """A worker that may not create topics needs no more than to read and write it."""
    guarded.create_topic(CHANGELOG, 1, cleanup_policy="compact")
    worker = reader(tmp_path, guarded)
    with running(worker, ready=False):
        allow(guarded, "flow", "TOPIC", CHANGELOG, "READ")
        refused(worker, f"not authorized to write to topic {CHANGELOG}", "TopicNotReady")
        allow(guarded, "flow", "TOPIC", CHANGELOG, "WRITE")
        back(worker, 5)


def test_the_changelog_cannot_be_written_any_more(guarded: Kafka, tmp_path: Path) -> None:
    """A worker that counts says what it misses; nothing is lost, and nothing counted twice."""
    allow(guarded, "flow", "TOPIC", CHANGELOG, "ALL")
    worker = reader(tmp_path, guarded)
    with running(worker):
        wait(lambda: seen(worker) == 5)
        forbid(guarded, "flow", "TOPIC", CHANGELOG)
        allow(guarded, "flow", "TOPIC", CHANGELOG, "READ")
        produce(guarded.bootstrap, "guarded", [FLOW] * 5, 1)
        missing(worker, f"not authorized to write to topic {CHANGELOG}")
        allow(guarded, "flow", "TOPIC", CHANGELOG, "WRITE")
        back(worker, 10)
        wait(lambda: seen(worker) == 10)


def test_dead_letters_need_the_right_to_write_alone(guarded: Kafka, tmp_path: Path) -> None:
    """To see or to read their topic is not enough, and not needed."""
    allow(guarded, "flow", "TOPIC", CHANGELOG, "ALL")
    guarded.create_topic(LETTERS, 1)
    produce(guarded.bootstrap, "guarded", [b"no json"], 1)
    worker = reader(tmp_path, guarded, dead_letters={"topic": LETTERS})
    with running(worker, ready=False):
        refused(worker, f"topic {LETTERS} cannot be described", "TopicNotReady")
        allow(guarded, "flow", "TOPIC", LETTERS, "READ")
        missing(worker, f"not authorized to write to topic {LETTERS}")
        forbid(guarded, "flow", "TOPIC", LETTERS)
        allow(guarded, "flow", "TOPIC", LETTERS, "WRITE")
        wait(lambda: reason(worker) == "", seconds=BACK)
        wait(lambda: positions(worker) == [6])
        assert [letter.payload for letter in letters(guarded, LETTERS, 1)] == [b"no json"]


def test_dead_letters_cannot_be_written_any_more(guarded: Kafka, tmp_path: Path) -> None:
    """A message that is rejected meanwhile is held until its letter is durable."""
    allow(guarded, "flow", "TOPIC", CHANGELOG, "ALL")
    guarded.create_topic(LETTERS, 1)
    allow(guarded, "flow", "TOPIC", LETTERS, "WRITE")
    worker = reader(tmp_path, guarded, dead_letters={"topic": LETTERS})
    with running(worker):
        wait(lambda: seen(worker) == 5)
        forbid(guarded, "flow", "TOPIC", LETTERS)
        produce(guarded.bootstrap, "guarded", [b"no json", FLOW], 1)
        missing(worker, LETTERS)
        allow(guarded, "flow", "TOPIC", LETTERS, "WRITE")
        wait(lambda: reason(worker) == "", seconds=BACK)
        wait(lambda: positions(worker) == [7])
        assert totals(worker)[1]["flows_seen"] == {(): 6}
        assert {letter.payload for letter in letters(guarded, LETTERS, 1)} == {b"no json"}
