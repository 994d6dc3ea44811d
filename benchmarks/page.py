"""`python -m benchmarks.page`: what the page costs a worker that has flows to count all the time.

A worker on one core reads the same flows three times: without the page, with the page and nobody
who looks, and with viewers, each on a view of its own, who ask as the page does (ETag, pauses that
grow). Their clock is the processor time of the worker: on a machine that does nothing else a second
of it is a second, and on a busy one they do not ask more often for the same flows.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import IO, NamedTuple, Self, cast

import msgspec
import yaml

from benchmarks.edges import megabytes
from simulate import Shape, Simulation, simulate
from tests.real.parts import LOCALHOST, free_port

VIEWS = {
    "matrix": ["matrix?namespace=team-1"],
    "table": ["edges?limit=500"],
    "policy": ["policy?namespace=team-1", "completeness?namespace=team-1"],
    "flows": ["flows?limit=100"],
    "health": ["health"],
}
"""What five open pages ask for, each time."""
_EVERY, _SELDOM, _SHARE = 5.0, 20.0, 20
"""As `page/static/poll.js` has them."""
_TICK = os.sysconf("SC_CLK_TCK")
_READ = "flowmatrix_ingest_flows_processed"


class Figures(NamedTuple):
    """Processor time a flow (us), memory at the end and at most (MB), answers, new ones, and edges.

    `own_mb`: what is held without the pages of libraries and programs, which the system may take
    back and shares with whoever runs the same. `edges`: those that the latest answer was about.
    """

    cpu_us: float
    held_mb: float
    own_mb: float
    peak_mb: float
    answers: int
    new: int
    edges: int


def main() -> None:
    """Print the figures of pairs of runs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=12, help="how often 300,000 flows are read")
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--pods", type=int, default=10_000, help="ten to a workload")
    given = parser.parse_args()
    made = _cluster(given.pods)
    found = [
        {
            "without": run(made, given.times, page=False),
            "nobody looks": run(made, given.times),
            "five views": run(made, given.times, list(VIEWS.values())),
        }
        for _ in range(given.pairs)
    ]
    for name in found[0]:
        runs = [each[name] for each in found]
        print(
            f"  {name:<14} {_median(runs, 'cpu_us'):6.2f} us CPU a flow  "
            f"{_median(runs, 'held_mb'):5.0f} MB held, {_median(runs, 'own_mb'):.0f} MB of it its "
            f"own, {_median(runs, 'peak_mb'):5.0f} MB at most  "
            f"{_median(runs, 'answers'):.0f} answers, {_median(runs, 'new'):.0f} of them new"
        )
    print(f"  {given.pods:,} pods, {max(each['five views'].edges for each in found):,} edges")
    for name in ("nobody looks", "five views"):
        cost = [each[name].cpu_us / each["without"].cpu_us - 1 for each in found]
        held, own, peak = (
            statistics.median(
                getattr(each[name], of) - getattr(each["without"], of) for each in found
            )
            for of in ("held_mb", "own_mb", "peak_mb")
        )
        print(
            f"  {name}: processor time {statistics.median(cost):+.1%}, memory {held:+.0f} MB held "
            f"({own:+.0f} MB its own), {peak:+.0f} MB at most (medians of {len(found)} pairs)"
        )


def _median(runs: Sequence[Figures], name: str) -> float:
    return statistics.median(float(getattr(one, name)) for one in runs)


def run(
    made: Simulation, times: int, views: Sequence[Sequence[str]] = (), *, page: bool = True
) -> Figures:
    """A worker that reads the flows so many times, and viewers who ask for these documents."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        config = _config(made, Path(folder))
        stack.callback(config.unlink)
        command = ["taskset", "-c", str(max(os.sched_getaffinity(0)))]
        command += [str(Path(sys.executable).with_name("flowmatrix")), "run", str(config)]
        command += ["--listen", f"{LOCALHOST}:{port}", *(["--page"] if page else [])]
        worker = stack.enter_context(_Worker(command, port))
        worker.wait(0)
        viewers = [_Viewer(worker, port, documents) for documents in views]
        begun, expected = worker.cpu(), made.flows * times
        for viewer in viewers:
            viewer.start()
        worker.feed(made.recording.read_bytes(), times)
        worker.wait(expected)
        spent = worker.cpu() - begun
        for viewer in viewers:
            viewer.ended.set()
        for viewer in viewers:
            viewer.join()
        time.sleep(2.0)
        return Figures(
            spent / expected * 1e6,
            megabytes("VmRSS", worker.pid),
            megabytes("RssAnon", worker.pid),
            megabytes("VmHWM", worker.pid),
            sum(viewer.answers for viewer in viewers),
            sum(viewer.new for viewer in viewers),
            _edges(port) if viewers else 0,
        )


class _Worker:
    """A worker that reads flows from a pipe."""

    def __init__(self, command: Sequence[str], port: int) -> None:
        environment = {**os.environ, "POLARS_MAX_THREADS": "1"}
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment
        )
        self._input = cast("IO[bytes]", self._process.stdin)
        self.pid = self._process.pid
        self._port = port

    def feed(self, content: bytes, times: int) -> None:
        """Give it the content so many times; returns when it has taken them."""
        for _ in range(times):
            self._input.write(content)
        self._input.flush()

    def cpu(self) -> float:
        """Its processor seconds so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICK

    def wait(self, flows: int) -> None:
        """Wait until it has read so many flows, and answers."""
        while self._read() < flows:
            time.sleep(0.2)

    def _read(self) -> float:
        lines = asked(self._port, f"/metrics?name[]={_READ}")[1].decode().splitlines()
        found = [float(line.rpartition(" ")[2]) for line in lines if line.startswith(_READ)]
        return sum(found) if lines else -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()


class _Viewer(threading.Thread):
    """An open page that asks for documents, as often as the page does."""

    def __init__(self, worker: _Worker, port: int, documents: Sequence[str]) -> None:
        super().__init__(daemon=True)
        self.ended = threading.Event()
        self.answers = self.new = 0
        self._worker, self._port = worker, port
        self._documents = documents

    def run(self) -> None:
        """Ask until it is ended."""
        tags = dict.fromkeys(self._documents, "")
        pauses = dict.fromkeys(self._documents, _EVERY)
        due = dict.fromkeys(self._documents, 0.0)
        while not self.ended.wait(0.1):
            now = self._worker.cpu()
            for one in self._documents:
                if now >= due[one]:
                    pauses[one] = self._ask(one, tags, pauses[one])
                    due[one] = self._worker.cpu() + pauses[one]

    def _ask(self, document: str, tags: dict[str, str], pause: float) -> float:
        """Ask once; the pause until the next time."""
        begun = self._worker.cpu()
        headers = {"If-None-Match": tags[document], "Accept-Encoding": "gzip"}
        status, _, tag = asked(self._port, f"/api/v0/{document}", headers)
        taken = self._worker.cpu() - begun
        self.answers += 1
        self.new += status == 200
        tags[document] = tag or tags[document]
        seldom = min(1.5 * pause, _SELDOM) if status == 304 else _EVERY
        return max(seldom, min(_SHARE * taken, 60.0))


def asked(port: int, path: str, headers: dict[str, str] | None = None) -> tuple[int, bytes, str]:
    """Status, body and validator of an answer; nothing while nobody answers."""
    connection = HTTPConnection(LOCALHOST, port, timeout=120)
    try:
        connection.request("GET", path, headers=headers or {})
        answer = connection.getresponse()
        return answer.status, answer.read(), answer.headers.get("ETag", "")
    except (OSError, HTTPException):
        return 0, b"", ""
    finally:
        connection.close()


def _edges(port: int) -> int:
    """How many edges the latest answer of a worker was about."""
    page: dict[str, int] = msgspec.json.decode(asked(port, "/api/v0/edges?limit=1")[1])
    return page["total"]


def _cluster(pods: int) -> Simulation:
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "flowmatrix"
    shape = Shape(pods=pods, nodes=100, workloads=pods // 10, services=pods // 20)
    folder = cache / "bench" / f"300000-{pods}-{shape.workloads}"
    return simulate("cluster", folder / "cluster.pb", flows=300_000, seed=1, shape=shape)


def _config(made: Simulation, folder: Path) -> Path:
    """The simulated pipeline, with flows from a pipe."""
    document = yaml.safe_load(made.config.read_text())
    for stage in document["stages"]:
        if stage["type"] == "ingest_file":
            stage["type"] = "ingest_stdin"
            del stage["path"]
    config = made.config.with_name(f"{folder.name}.yaml")
    config.write_text(yaml.safe_dump(document))
    return config


if __name__ == "__main__":
    main()
