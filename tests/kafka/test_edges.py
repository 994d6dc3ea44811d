"""The edges of a group's workers are those of one run over the same flows."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.request import urlopen

from simulate import simulate
from tests.kafka.support.counting import value
from tests.kafka.support.feeding import produce
from tests.kafka.support.workers import Worker, configured, counted, running, wait
from tests.real.broker import Broker
from tests.real.parts import LOCALHOST
from tests.support.commands import document, flowmatrix
from tests.support.recordings import messages


def test_edges_of_two_workers_are_merged_exactly(kafka_broker: Broker, tmp_path: Path) -> None:
    """By the command, and nothing is missing or twice; each worker's own are pages of its API."""
    made = simulate("reference", tmp_path / "r.pb")
    payloads = list(messages(made.recording))
    kafka_broker.create_topic("edges", 4)
    source = {"brokers": [kafka_broker.bootstrap], "topics": ["edges"], "linger": 0.1}
    config = configured(tmp_path, made, source, checkpoint={"interval": 0.3})
    known = ["--inventory", made.inventory]
    alone = document(config, "--input", made.recording)
    approved = tmp_path / "approved.yaml"
    approved.write_text(flowmatrix("matrix", "approve", config, "--input", made.recording).stdout)
    workers = [Worker(config, name) for name in ("one", "two")]
    servers = [f"--server=http://{LOCALHOST}:{worker.port}" for worker in workers]
    with running(*workers):
        wait(lambda: all(len(worker.get("/api/v0/totals")[1]["partitions"]) for worker in workers))
        produce(kafka_broker.bootstrap, "edges", payloads, 4)
        counted(len(payloads), *workers)
        merged = document(*servers, *known)
        done = flowmatrix("matrix", "diff", approved, *servers, *known)
        assert (done.exit_code, done.stdout) == (0, ""), done.stderr
        missing = flowmatrix("matrix", servers[0], *known)
        flows = []
        for worker in workers:
            url = f"http://{LOCALHOST}:{worker.port}/api/v0/edges?limit=5"
            with urlopen(url) as page:
                flows.append(json.load(page)["covers"]["flows"])
        held = [value(worker, 'flowmatrix_series{metric="matrix_edges"}') for worker in workers]
    assert merged["rows"] == alone["rows"]
    assert merged["covers"]["flows"] == alone["covers"]["flows"]
    assert min(flows) > 0
    assert min(held) > 0
    assert missing.exit_code == 1
    assert "nobody answers for partition" in missing.stderr
