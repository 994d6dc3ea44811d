"""A changelog with what is not a whole state of ours, or that cannot be read to its end."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from tests.kafka.support.admin import delete_topic, transactions
from tests.kafka.support.counting import FLOW, counting, positions, reason, seen, value
from tests.kafka.support.feeding import produce
from tests.kafka.support.workers import running, totals, wait
from tests.real.broker import Broker


class Counted:
    """A topic of ten flows that were counted, and the changelog of that."""

    def __init__(self, broker: Broker, folder: Path, topic: str) -> None:
        self.topic, self.changelog = topic, f"of-{topic}-{topic}-ledger-changelog"
        self._broker = broker
        broker.create_topic(topic, 1)
        produce(broker.bootstrap, topic, [FLOW] * 10, 1)
        self.worker = counting(folder, broker.bootstrap, [topic])
        with running(self.worker):
            wait(lambda: positions(self.worker) == [10])
            assert self.worker.exit() == 0

    def records(self) -> dict[bytes, tuple[int, bytes]]:
        """The last record of each key: its offset and value."""
        consumer = Consumer({"bootstrap.servers": self._broker.bootstrap, "group.id": "look"})
        where = TopicPartition(self.changelog, 0, 0)
        _, end = consumer.get_watermark_offsets(where, timeout=60)
        consumer.assign([where])
        found = {}
        for message in consumer.consume(end, timeout=120):
            found[bytes(message.key() or b"")] = (
                message.offset() or 0,
                bytes(message.value() or b""),
            )
        consumer.close()
        return found

    def write(self, key: bytes | None, value: bytes) -> int:
        """Add a record; its offset."""
        offsets: list[int] = []
        producer = Producer({"bootstrap.servers": self._broker.bootstrap})
        producer.produce(
            self.changelog, value, key, 0, on_delivery=lambda _, m: offsets.append(m.offset() or 0)
        )
        assert producer.flush(120) == 0
        return offsets[0]


def key_of(records: dict[bytes, tuple[int, bytes]], end: bytes) -> bytes:
    """The newest key that ends so."""
    return max(key for key, (_, value) in records.items() if key.endswith(end) and value)


@pytest.mark.parametrize(
    ("kind", "end", "damage", "reason"),
    [
        (
            "flipped",
            b"/manifest",
            lambda v: v[:-1] + bytes([v[-1] ^ 1]),
            "it is damaged: its check",
        ),
        ("cut", b"/values/a/0", lambda v: v[:-3], "it is cut: "),
        ("foreign", b"/manifest", lambda _: b'{"a": 1}', "it is not a state of flowmatrix"),
        ("older", b"/manifest", lambda _: b"\x85\xa7version\x03", "written by an older flowmatrix"),
    ],
)
def test_a_record_that_is_not_whole_is_refused(  # noqa: PLR0917 - parameters of pytest
    kafka_broker: Broker,
    tmp_path: Path,
    kind: str,
    end: bytes,
    damage: Callable[[bytes], bytes],
    reason: str,
) -> None:
    """The worker ends, and names topic, partition, offset and key, and what to do."""
    counted = Counted(kafka_broker, tmp_path, f"damaged-{kind}")
    records = counted.records()
    key = key_of(records, end)
    offset = counted.write(key, damage(records[key][1]))
    with running(counted.worker, ready=False):
        assert counted.worker.ended() == 1
    log = counted.worker.log.read_text()
    assert f'{counted.changelog}[0] offset {offset}, key "{key.decode()}": ' in log
    assert reason in log
    assert f"delete {counted.changelog} to start from zero" in log
    delete_topic(kafka_broker, counted.changelog)
    with running(counted.worker):
        wait(lambda: totals(counted.worker)[0] == 10)
        assert totals(counted.worker)[1]["flows_seen"] == {(): 10}


def test_a_record_of_another_program_is_refused(kafka_broker: Broker, tmp_path: Path) -> None:
    """Whatever its key is."""
    counted = Counted(kafka_broker, tmp_path, "damaged-key")
    offset = counted.write(b"user-7", b"{}")
    with running(counted.worker, ready=False):
        assert counted.worker.ended() == 1
    said = f'{counted.changelog}[0] offset {offset}, key "user-7": it is not a record of flowmatrix'
    assert said in counted.worker.log.read_text()


@pytest.mark.slow
def test_a_changelog_that_is_never_read_to_its_end(kafka_broker: Broker, tmp_path: Path) -> None:
    """The marker of a transaction stands at its end; Faust waits for a record at that offset."""
    counted = Counted(kafka_broker, tmp_path, "stalled")
    transactions(kafka_broker, counted.changelog, ([b"x"], False))
    with running(counted.worker, ready=False):
        wait(lambda: "was read to offset" in reason(counted.worker), seconds=120)
        assert f"{counted.changelog}[0]" in reason(counted.worker)
        assert value(counted.worker, 'flowmatrix_kafka_errors{error="StalledError"}') >= 1
        wait(lambda: " (the membership has ended: Stalled" in reason(counted.worker))  # the next
        assert "was read to offset" in reason(counted.worker)
        assert counted.worker.get("/healthz")[0] == 200
        counted.write(b"0.0/none", b"")
        wait(lambda: reason(counted.worker) == "", seconds=120)
        produce(kafka_broker.bootstrap, "stalled", [FLOW] * 5, 1)
        wait(lambda: seen(counted.worker) == 5)
        assert totals(counted.worker)[1]["flows_seen"] == {(): 15}


def test_a_changelog_that_is_deleted_while_it_is_used(kafka_broker: Broker, tmp_path: Path) -> None:
    """No process shows a flow twice: the worker ends and says so; the next one counts anew."""
    kafka_broker.create_topic("gone", 1)
    produce(kafka_broker.bootstrap, "gone", [FLOW] * 10, 1)
    worker = counting(tmp_path, kafka_broker.bootstrap, ["gone"])
    changelog = "of-gone-gone-ledger-changelog"
    with running(worker):
        wait(lambda: seen(worker) == 10)
        delete_topic(kafka_broker, changelog)
        produce(kafka_broker.bootstrap, "gone", [FLOW] * 5, 1)
        assert worker.ended() == 1
    assert f"{changelog} was deleted while it was in use" in worker.log.read_text()
    with running(worker):
        wait(lambda: seen(worker) == 15)
        assert totals(worker)[1]["flows_seen"] == {(): 15}
