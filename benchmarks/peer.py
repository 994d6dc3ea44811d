"""flowlogs-pipeline beside us: the same topic, the same stages, the same cluster, on a real API."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml

from benchmarks.process import Program
from benchmarks.topic import Bench, sums
from tests.kafka.support.load import Labels, Samples, labelled
from tests.kube.live import populate
from tests.real.cluster import kubeconfig
from tests.real.kube import Kube
from tests.real.parts import LOCALHOST, free_port

READ = "flp_ingest_flows_processed"


@contextmanager
def cluster(bench: Bench) -> Iterator[Path]:
    """The kubeconfig of an API server that holds the objects of the inventory."""
    folder = bench.folder / "kube"
    folder.mkdir()
    with Kube(folder) as server:
        populate(server, json.loads(bench.made.inventory.read_text())["items"])
        yield kubeconfig(server, folder)


@contextmanager
def running(bench: Bench, binary: Path, config: Path, topic: str = "") -> Iterator[Program]:
    """The binary on a topic (without one, that of the bench), in a group of its own.

    Its parameters go by flag: from a file it would lower-case the names of `remap`
    (docs/reference/flowlogs-pipeline.md#files).
    """
    document = yaml.safe_load(bench.made.flp_config.read_text())
    parameters = {stage["name"]: stage for stage in document["parameters"]}
    parameters["flows"]["ingest"] = {
        "type": "kafka",
        "kafka": {
            "brokers": [bench.broker.bootstrap],
            "topic": topic or bench.topic,
            "groupid": bench.group(),
            "decoder": {"type": "protobuf"},
            "pullQueueCapacity": 1_000,
            "pullMaxBytes": 10_485_760,
        },
    }
    network = parameters["enrich"]["transform"]["network"]
    network["kubeConfig"]["configPath"] = str(config)
    port = free_port()
    flags = {
        "pipeline": document["pipeline"],
        "parameters": document["parameters"],
        "metricsSettings": {"address": LOCALHOST, "port": port, "prefix": "flp_"},
    }
    command = [str(binary), *(f"--{name}={json.dumps(value)}" for name, value in flags.items())]
    with Program(command, port, bench.folder / "peer.log") as program:
        yield program


def counted(bench: Bench, program: Program) -> bool:
    """Whether its counters have followed what it has read."""
    truth = bench.truth()["netobserv_workload_bytes"]
    return program.number("netobserv_workload_bytes") >= sum(truth.values())


def account(bench: Bench, program: Program) -> str:
    """Its sums, beside the truth."""
    found: dict[str, defaultdict[Labels, float]] = {}
    for line in program.page().decode().splitlines():
        if sample := re.match(r"(netobserv_\w+)\{(.*)\} (\S+)$", line):
            name, labels, value = sample.groups()
            own = dict(re.findall(r'(\w+)="([^"]*)"', labels))
            found.setdefault(name, defaultdict(float))[labelled(own)] += float(value)
    counted, rejected = int(program.number(READ)), int(program.number("flp_ingest_errors"))
    plain: Samples = {name: dict(series) for name, series in found.items()}
    return sums((bench.flows, counted - rejected, 0, rejected), bench.truth(), plain)
