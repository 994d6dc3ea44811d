"""Processors of a small plan, and a clock that goes when the test says so."""

from __future__ import annotations

import threading
from typing import Any

from pipeline.dead_letters.limit import DlqLimit
from pipeline.exposition.self_metrics import Telemetry
from pipeline.kafka.batch import Batch, TopicPartition
from pipeline.plan.compile import compile_plan
from pipeline.plan.live import ActivePlan
from pipeline.runtime.partition_processor import PartitionProcessor
from pipeline.stage import VALUE, BuildContext, Spec
from pipeline.state.assignment import Assignment, packed
from pipeline.state.changelog import State
from pipeline.state.changelog_reader import read
from stages.encode_prometheus import EncodePrometheus, Metric
from stages.ingest_kafka import IngestKafka

ONE, TWO = TopicPartition("t", 0), TopicPartition("t", 1)
GOOD, BAD = b'{"Bytes":5}', b"no json"


class Clock:
    """A clock that goes when the test says so."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


class Processing:
    """A processor of two partitions that count from offset 0 on."""

    def __init__(self, *behind: Spec, **limits: Any) -> None:
        self.clock = Clock()
        self._logs: dict[TopicPartition, dict[bytes, bytes]] = {ONE: {}, TWO: {}}
        last = behind[-1].name if behind else "in"
        stages = [
            IngestKafka(name="in", brokers=["b"], topics=["t"], decoder="json"),
            *behind,
            EncodePrometheus(name="out", follows=last, metrics=[Metric(name="flows")]),
        ]
        live = ActivePlan(compile_plan(stages, BuildContext()))
        self.assignment = Assignment(live.plan.families)
        self.telemetry = Telemetry(live.plan, process=False)
        self.assignment.topic_ids = {"t": "id-1"}
        for where in (ONE, TWO):
            self.assignment.restore(where, State(None, [], 0, frozenset()), 1, 0)
        self.processor = PartitionProcessor(
            live=live,
            assignment=self.assignment,
            telemetry=self.telemetry,
            limit=lambda where: DlqLimit(**limits, where=str(where)),
            stopping=threading.Event(),
            now=lambda: 900.0 + self.clock(),
        )

    def feed(self, where: TopicPartition, payloads: list[bytes]) -> None:
        """Process and account for payloads behind those before."""
        start = self.assignment.position(where)
        batch = Batch(payloads, start, start + len(payloads))
        processed = self.processor.process(where, "in", batch)
        self.processor.check_limit(where, processed.outcome)

    def durable(self) -> dict[TopicPartition, State]:
        """Make durable and confirm what is counted; what the changelogs then say."""
        made = packed(self.processor.snapshot())
        self.assignment.delivered(made)
        for positions in self.assignment.unconfirmed().values():
            self.assignment.confirmed(positions)
        for where, one in made.items():
            self._logs[where] |= {k: value for k, value in (*one.parts, one.manifest) if value}
        return {where: read(log) for where, log in self._logs.items()}

    def shown(self) -> float:
        """The counter that a scrape shows."""
        [table] = self.assignment.tables()
        return float(table.series()[VALUE].sum())
