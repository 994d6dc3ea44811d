"""A worker under attack on a real broker behind a proxy, and what its counts must be."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from confluent_kafka import Consumer, TopicPartition

from pipeline.files import write
from tests.attack.accounts import accounts
from tests.attack.tally import Tally
from tests.kafka.support.admin import allow
from tests.kafka.support.counting import reason
from tests.kafka.support.joining import ACLS
from tests.kafka.support.workers import Worker, running, totals, wait
from tests.real.kafka import Kafka
from tests.real.listeners import Security, sasl_plain
from tests.support.proxy import Proxy

GROUP, LETTERS = "attacked-group", "attacked-letters"
CHANGELOG = f"{GROUP}-attacked-plain-ledger-changelog"
TOPICS = {"attacked-odd": 1, "attacked-raw": 1, "attacked-tx": 2, "attacked-plain": 1}
"""The topics that are read, each with its partitions."""

LARGEST = 32 << 20
PATIENCE = 180.0


def flow(kind: int) -> bytes:
    """A flow that is counted under its kind."""
    return b'{"Proto":%d,"Bytes":1}' % kind


class Attacked:
    """The broker, the proxy before it, the worker, and how many flows of each kind it must count.

    What a test has sent is in `sent` and `rejected`, which is what `settled` compares.
    """

    def __init__(self, broker: Kafka, proxy: Proxy, folder: Path) -> None:
        self.broker, self.proxy = broker, proxy
        self.sent: Counter[int] = Counter()
        self.rejected = 0
        self._clock = folder / "clock"
        self.turn_clock(0)
        self.worker = _worker(folder, proxy.address, self._clock)

    def turn_clock(self, seconds: int) -> None:
        """Let the worker's clock be off by so many seconds."""
        write(self._clock, str(seconds))

    def ends(self) -> dict[tuple[str, int], int]:
        """Where the partitions end."""
        consumer = Consumer({"bootstrap.servers": self.broker.bootstrap, "group.id": "look"})
        try:
            return {
                (topic, number): consumer.get_watermark_offsets(
                    TopicPartition(topic, number), timeout=120
                )[1]
                for topic, partitions in TOPICS.items()
                for number in range(partitions)
            }
        finally:
            consumer.close()

    def positions(self) -> dict[tuple[str, int], int]:
        """How far the worker has counted; nothing while it does not say so."""
        try:
            told = self.worker.get("/api/v0/progress")[1]["partitions"]
        except (OSError, KeyError, ValueError):
            return {}
        return {(one["topic"], one["partition"]): one["position"] for one in told}

    def settled(self, tally: Tally, what: str, *, unsure: int = 0) -> None:
        """Wait until all that was sent is counted; what is not as it must be is a fault.

        So many messages more may be rejected, or be empty.
        """
        ends = self.ends()
        try:
            wait(lambda: self.positions() == ends, seconds=PATIENCE)
            wait(lambda: self.counted() == +self.sent)
        except AssertionError:
            tally.fault(
                f"{what}: sent {self.sent}, counted {self.counted()}, at {self.positions()} "
                f"of {ends}: {reason(self.worker)}"
            )
        page = self.worker.get("/metrics")[1].decode()
        for stage, account in accounts(page).items():
            if account.come != account.out + account.filtered + account.rejected:
                tally.fault(f"{what}: {stage} has {account}")
        rejected = accounts(page)["flows"].rejected
        if not self.rejected <= rejected <= self.rejected + unsure:
            tally.fault(f"{what}: {rejected} rejected, {self.rejected} expected")
        self.rejected = rejected

    def counted(self) -> Counter[int]:
        """The flows of each kind in the exact totals."""
        series = totals(self.worker)[1].get("attacked", {})
        return Counter({int(labels[0].partition("=")[2]): int(n) for labels, n in series.items()})

    @property
    def megabytes(self) -> int:
        """The most memory the worker has had."""
        process = self.worker.process._process
        assert process is not None
        return peak(process.pid)


def peak(pid: int) -> int:
    """The most memory a process has had (MB)."""
    found = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    assert found
    return int(found[1]) >> 10


_CLOCK = """\
import time, pathlib
_now = time.time
time.time = lambda: _now() + float(pathlib.Path({path!r}).read_text())
time.time_ns = lambda: int(time.time() * 1e9)
"""
"""Python runs it at its start, as `sitecustomize`."""


def _worker(folder: Path, address: str, clock: Path) -> Worker:
    (folder / "password").write_text("pw")
    (folder / "password").chmod(0o600)
    source: dict[str, Any] = {"brokers": [address], "topics": list(TOPICS), "group_id": GROUP}
    source |= {"decoder": "json", "linger": 0.05}
    source |= {"sasl": {"username": "flow", "password_file": str(folder / "password")}}
    metrics = [{"name": "attacked", "labels": ["Proto"]}]
    stages = [
        {"name": "flows", "type": "ingest_kafka", **source},
        {"name": "count", "type": "encode_prometheus", "follows": "flows", "metrics": metrics},
    ]
    settings = {"checkpoint": {"interval": 0.3}, "dead_letters": {"topic": LETTERS}}
    config = folder / "attacked.yaml"
    config.write_text(yaml.safe_dump({"stages": stages, **settings}))
    worker = Worker(config, "attacked")
    (folder / "sitecustomize.py").write_text(_CLOCK.format(path=str(clock)))
    worker.process.command[:0] = ["env", f"PYTHONPATH={folder}"]
    return worker


@contextmanager
def attacked(folder: Path) -> Iterator[Attacked]:
    """A broker, its proxy and a worker that counts, with all the rights it needs and no more."""
    (folder / "kafka").mkdir()
    security = sasl_plain(flow="pw")
    guarded = Security(security.protocol, {**security.settings, **ACLS})
    limits = {"message.max.bytes": str(LARGEST), "transaction.max.timeout.ms": "900000"}
    limits |= {"log.message.timestamp.after.max.ms": str(2**62)}
    with (
        Proxy() as proxy,
        Kafka(folder / "kafka", settings=limits, security=guarded, behind=proxy.port) as broker,
    ):
        proxy.target = broker.secure
        for topic, partitions in TOPICS.items():
            broker.create_topic(topic, partitions, retention_ms="-1")  # stamps are of any time
        broker.create_topic(LETTERS, 1)
        allow(broker, "flow", "TOPIC", "attacked-", "ALL")
        allow(broker, "flow", "GROUP", "attacked-", "READ")
        found = Attacked(broker, proxy, folder)
        with running(found.worker):
            yield found
