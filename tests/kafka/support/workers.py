"""Workers as processes, and what they say of their counts."""

from __future__ import annotations

import json
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from simulate import Simulation
from tests.real.parts import LOCALHOST, Server, call, free_port

COMMAND = str(Path(sys.executable).with_name("flowmatrix"))
_STAGES = Path(__file__).parent / "plugin"
Counts = dict[str, dict[tuple[str, ...], float]]


class Worker:
    """A `flowmatrix run` of a configuration, with a server of its own."""

    def __init__(
        self, config: Path, name: str, *arguments: str, with_test_stages: bool = False
    ) -> None:
        self.port = free_port(2)  # the next one is for --workers 2
        self.log = config.parent / f"{name}.log"
        listen = f"{LOCALHOST}:{self.port}"
        program = ["env", f"PYTHONPATH={_STAGES}"] if with_test_stages else []
        command = [*program, COMMAND, "run", config.name, "--listen", listen, *arguments]
        self.process = Server(command, self.log)

    def start(self, *, ready: bool = True) -> None:
        """Start, and wait until it counts (or only until it answers)."""
        self.process.start(lambda: self.get("/readyz" if ready else "/healthz")[0] == 200)

    def get(self, path: str) -> tuple[int, Any]:
        """The status of a page, and its content."""
        answer = call(self.port, path)
        return answer.status, answer.body if path == "/metrics" else json.loads(answer.body)

    def exit(self, *, seconds: float = 120) -> int:
        """Send SIGTERM and wait; the exit code."""
        process = self.process._process
        assert process is not None
        process.send_signal(signal.SIGTERM)
        return process.wait(seconds)

    def ended(self, *, seconds: float = 120) -> int:
        """Wait until it ends by itself; the exit code."""
        process = self.process._process
        assert process is not None
        return process.wait(seconds)

    def shown(self) -> Counts:
        """The counters of /metrics, by name and sorted labels."""
        found: Counts = {}
        for line in self.get("/metrics")[1].decode().splitlines():
            if line.startswith("netobserv_"):
                name, rest = line.split("{", 1)
                labels, value = rest.rsplit("} ", 1)
                found.setdefault(name, {})[tuple(sorted(labels.split('",')))] = float(value)
        return found


def answers(worker: Worker) -> bool:
    """Whether it is ready."""
    try:
        return worker.get("/readyz")[0] == 200
    except OSError:
        return False


def children(worker: Worker) -> list[int]:
    """The processes that a command with several workers has started."""
    process = worker.process._process
    assert process is not None
    listed = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
    return [int(number) for number in listed.split()]


@contextmanager
def running(*workers: Worker, ready: bool = True) -> Iterator[None]:
    """Start them all; whatever happens, they end."""
    try:
        for worker in workers:
            worker.start(ready=ready)
        yield
    finally:
        for worker in workers:
            worker.process.kill()


def configured(folder: Path, made: Simulation, source: dict[str, Any], **settings: Any) -> Path:
    """The simulation's pipeline with an `ingest_kafka` instead of its file."""
    document = yaml.safe_load(made.config.read_text())
    ingest = {"name": "flows", "type": "ingest_kafka", "decoder": "protobuf", **source}
    stages = [ingest, *document["stages"][1:]]
    for stage in stages:
        for key in ("inventory", "files"):
            if key in stage:
                stage[key] = _absolute(made.config.parent, stage[key])
    path = folder / "kafka.yaml"
    path.write_text(yaml.safe_dump({"stages": stages, **settings}))
    return path


def _absolute(folder: Path, names: Any) -> Any:
    return [str(folder / n) for n in names] if isinstance(names, list) else str(folder / names)


def truth(made: Simulation, times: int = 1) -> Counts:
    """What the counters must read when every flow was counted so many times."""
    metrics = json.loads(made.truth.read_text())["metrics"]
    return {
        name: {
            _labelled(metric["labels"], series): series[-1] * times for series in metric["series"]
        }
        for name, metric in metrics.items()
    }


def _labelled(labels: list[str], series: list[Any]) -> tuple[str, ...]:
    return tuple(f"{label}={value}" for label, value in sorted(zip(labels, series, strict=False)))


def totals(*workers: Worker) -> tuple[int, Counts]:
    """The messages counted, and the exact counters, over the partitions of all workers.

    The facts of the matrix, which no scrape shows, are left out.
    """
    messages = 0
    found: dict[str, Counter[tuple[str, ...]]] = {}
    seen: Counter[tuple[str, int]] = Counter()
    for worker in workers:
        try:
            document = worker.get("/api/v0/totals")[1]
        except OSError:
            continue
        for place in document["partitions"]:
            seen[place["topic"], place["partition"]] += 1
            messages += place["position"]
        for family in document["families"]:
            if family["family"]["kind"] is None:
                continue
            labels = family["family"]["labels"]
            series = found.setdefault(family["family"]["name"], Counter())
            for row in family["rows"]:
                series[_labelled(labels, row)] += row[len(labels)]
    if any(times > 1 for times in seen.values()):
        return -1, {}  # a rebalance is under way
    return messages, {name: {**series} for name, series in found.items()}


def wait(condition: Callable[[], bool], *, seconds: float = 120, every: float = 0.1) -> None:
    """Return when the condition holds; it fails after that many seconds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(every)


def counted(messages: int, *workers: Worker, seconds: float = 120) -> Counts:
    """Wait until these workers have counted so many messages; the exact counters then."""
    told: list[tuple[int, Counts]] = []

    def have_come() -> bool:
        told[:] = [totals(*workers)]
        return told[0][0] >= messages

    wait(have_come, seconds=seconds, every=0.3)
    [(found, counts)] = told
    assert found == messages
    return counts
