"""A worker that counts JSON flows, and what it says of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from tests.kafka.support.workers import Worker
from tests.real.kafka import Kafka
from tests.real.listeners import Security

NewKafka = Callable[[Security | None], Kafka]
FLOW = b'{"SrcAddr":"10.0.0.1","DstAddr":"10.0.0.2","Bytes":5,"Flags":2}'
_SETTINGS = ("dead_letters", "checkpoint", "log_level")


def ingest(broker: str, topics: list[str], **more: Any) -> dict[str, Any]:
    """The stage `flows`, which takes JSON; its group is named as the first topic, if not given."""
    source = {"brokers": [broker], "topics": topics, "decoder": "json", "linger": 0.1}
    return {"name": "flows", "type": "ingest_kafka", "group_id": topics[0], **source, **more}


def counting(
    folder: Path,
    broker: str,
    topics: list[str],
    *,
    behind: list[dict[str, Any]] | None = None,
    **more: Any,
) -> Worker:
    """A worker that counts JSON flows; `more` are settings, or belong to the source.

    The flows go through the stages `behind` the source, one after the other, before they are
    counted; these may be of types that tests bring along (`stages`).
    """
    settings: dict[str, Any] = {name: more.pop(name) for name in _SETTINGS if name in more}
    stages = [ingest(broker, topics, **{"group_id": f"of-{topics[0]}", **more})]
    for stage in behind or []:
        stages.append({"follows": stages[-1]["name"], **stage})
    count = {"name": "flows_seen", "type": "counter"}
    last = stages[-1]["name"]
    stages.append(
        {"name": "seen", "type": "encode_prometheus", "follows": last, "metrics": [count]}
    )
    folder.mkdir(exist_ok=True)
    config = folder / "kafka.yaml"
    settings = {"checkpoint": {"interval": 0.3}} | settings
    config.write_text(yaml.safe_dump({"stages": stages, **settings}))
    return Worker(config, "worker", with_test_stages=bool(behind))


def seen(worker: Worker) -> float:
    """The counter of all flows, as shown."""
    return value(worker, "flows_seen")


def value(worker: Worker, sample: str) -> float:
    """A sample of /metrics, by its name and labels as exposed; 0 where there is none."""
    for line in worker.get("/metrics")[1].decode().splitlines():
        if line.startswith(f"{sample} "):
            return float(line.rsplit(" ", 1)[1])
    return 0


def positions(worker: Worker) -> list[int]:
    """How far the partitions are counted for good."""
    return [place["position"] for place in worker.get("/api/v0/progress")[1]["partitions"]]


def owned(worker: Worker) -> list[int]:
    """The partitions a worker has."""
    return [place["partition"] for place in worker.get("/api/v0/progress")[1]["partitions"]]


def reason(worker: Worker) -> str:
    """Why it is not ready; "" when it is."""
    return str(worker.get("/readyz")[1].get("reason", ""))
