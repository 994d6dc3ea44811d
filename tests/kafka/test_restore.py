"""A rebalance that comes while a worker takes its partitions over."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from simulate import Shape, simulate
from tests.kafka.support.feeding import produce
from tests.kafka.support.workers import Worker, configured, counted, running, truth, wait
from tests.real.broker import Broker
from tests.support.recordings import messages

_FLOWS = 8_000


def test_nothing_is_taken_over_as_empty(kafka_broker: Broker, tmp_path: Path) -> None:
    """Two workers start at once; neither counts anything again."""
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
    first, second = Worker(config, "first"), Worker(config, "second")
    with running(first, ready=False), running(second, ready=False):
        wait(lambda: all(w.get("/readyz")[0] == 200 for w in (first, second)))
        assert counted(_FLOWS, first, second) == truth(made)
        assert first.shown() == second.shown() == {}, "nothing is counted again"
