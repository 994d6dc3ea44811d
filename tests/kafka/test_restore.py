"""A rebalance that comes while a worker takes its partitions over."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

from simulate import Shape, simulate
from tests.kafka.feeding import produce
from tests.kafka.workers import Worker, configured, counted, running, truth, wait
from tests.real.broker import Broker
from tests.support.recordings import messages

_FLOWS = 8_000
_SLOW = """
import asyncio, sys
from pipeline.cli import main
from pipeline.runtime.faust.transport import FoldingConsumer

quick = FoldingConsumer.highwaters

async def highwaters(self, *partitions):
    found = await quick(self, *partitions)
    if any(partition.topic == "restored" for partition in partitions):
        await asyncio.sleep(3)
    return found

FoldingConsumer.highwaters = highwaters
main()
"""
"""`flowmatrix`, but the last step before it takes partitions over lasts 3 s."""


def slow(config: Path, name: str) -> Worker:
    worker = Worker(config, name)
    worker.process.command[:1] = [sys.executable, "-c", _SLOW]
    return worker


def test_nothing_is_taken_over_as_empty(kafka_broker: Broker, tmp_path: Path) -> None:
    shape = Shape(pods=200, workloads=40, nodes=20, services=20)
    made = simulate("cluster", tmp_path / "c.pb", flows=_FLOWS, shape=shape)
    kafka_broker.create_topic("restored", 4)
    source: dict[str, Any] = {"brokers": [kafka_broker.bootstrap], "topics": ["restored"]}
    source |= {"group_id": "restored", "linger": 0.1}
    config = configured(tmp_path, made, source, checkpoint={"interval": 0.3})
    produce(kafka_broker.bootstrap, "restored", messages(made.recording), 4)
    before = Worker(config, "before")
    with running(before):
        assert counted(_FLOWS, before) == truth(made)
        assert before.exit() == 0
    first, second = slow(config, "first"), slow(config, "second")
    with running(first, ready=False):
        time.sleep(2)
        with running(second, ready=False):
            wait(lambda: all(w.get("/readyz")[0] == 200 for w in (first, second)), seconds=60)
            assert counted(_FLOWS, first, second) == truth(made)
            assert first.shown() == second.shown() == {}, "nothing is counted again"
