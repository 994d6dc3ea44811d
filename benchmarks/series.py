"""What a worker's million series in 16 partitions cost: checkpoints, memory, restore, scrapes.

`python -m benchmarks.series` prints each figure, beside it the most that it should be, and keeps
them as JSON. `--series` makes it smaller. Each part is a process of its
own, on one core but for scrapes. The broker is left out: its records are kept in files.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

import msgspec
import polars as pl

from benchmarks.edges import megabytes
from benchmarks.results import Results
from pipeline.api.server import Answers, Server
from pipeline.exposition.text_format import Exposition
from pipeline.kafka.batch import TopicPartition
from pipeline.stage import VALUE, Delta, Family, Kind, Policy
from pipeline.state.assignment import Assignment, packed
from pipeline.state.changelog import CheckpointRecords, State
from pipeline.state.changelog_reader import read

PARTITIONS = 16
BATCH = 20_000
_WORKLOADS = 1_000
_ENDS = ("Src", "Dst")
_LABELS = tuple(
    f"{end}K8S_{what}" for end in _ENDS for what in ("Namespace", "OwnerName", "OwnerType")
)
FAMILY = Family("netobserv_workload_bytes_total", Kind.COUNTER, _LABELS, help="Bytes of workloads")
_POLICY = Policy("expose", expiry=1e9, zero_first=True)
_NOTHING = State(None, [], 0, frozenset())
_WHERES = [TopicPartition("flows", number) for number in range(PARTITIONS)]
_SHARES = (1_000, 100, 10, 1)
_EVERY = 15.0
"""Seconds between two scrapes."""
_ROUND = 10
"""Batches between two checkpoints."""
_GOALS = {
    "restore, s": 15,
    "memory at most, MB": 1_500,
    "scrape, identity, s": 1.5,
    "scrape, gzip, s": 1.5,
    "counting for 15 s beside a scrape, more CPU, %": 10,
}
_READ = """
import sys, time, urllib.request
request = urllib.request.Request(sys.argv[1], headers={"Accept-Encoding": sys.argv[2]})
begun, size = time.perf_counter(), 0
with urllib.request.urlopen(request) as answer:
    while piece := answer.read(1 << 20):
        size += len(piece)
print(time.perf_counter() - begun, size)
"""
"""A scrape, in a process of its own as Prometheus is one."""

Figures = dict[str, float]


class Group:
    """A worker's partitions, and what is counted of them; each series is in one partition."""

    def __init__(self, series: int) -> None:
        self.assignment = Assignment({FAMILY.name: (FAMILY, _POLICY)})
        self._order = pl.int_range(series, eager=True).shuffle(seed=1)
        self._next = 0

    def begin(self, states: Iterable[State]) -> None:
        """Take the partitions over."""
        for where, state in zip(_WHERES, states, strict=True):
            self.assignment.restore(where, state, 1, state.position or 0)

    def count(self, flows: int) -> None:
        """So many flows, each of the next series; neighbours are nowhere neighbours again."""
        if self._next + flows > len(self._order):
            self._order, self._next = self._order.shuffle(seed=2), 0
        numbers = self._order[self._next : self._next + flows]
        self._next += flows
        for where in _WHERES:
            own = numbers.filter(numbers % PARTITIONS == where.partition)
            position = self.assignment.position(where) + len(own)
            if len(own):
                self.assignment.count(where, [_delta(own)], position, time.time())

    def count_all(self) -> None:
        """A flow of each series."""
        for start in range(0, len(self._order), BATCH):
            self.count(min(BATCH, len(self._order) - start))

    def checkpoint(self) -> dict[TopicPartition, CheckpointRecords]:
        """What is counted becomes durable, and is shown."""
        made = packed(self.assignment.snapshot())
        self.assignment.delivered(made)
        self.assignment.confirmed({where: one.position for where, one in made.items()})
        return made


def _delta(numbers: pl.Series) -> Delta:
    """A flow of each of these series."""
    number = pl.col("number")
    columns = [(number * 37 % 60_000 + 60).cast(pl.Float64).alias(VALUE)]
    for end, workload in zip(_ENDS, (number % _WORKLOADS, number // _WORKLOADS), strict=True):
        columns += [
            pl.format("team-{}", workload % 20).alias(f"{end}K8S_Namespace"),
            pl.format("workload-{}", workload).alias(f"{end}K8S_OwnerName"),
            pl.lit("Deployment").alias(f"{end}K8S_OwnerType"),
        ]
    return Delta(FAMILY, numbers.alias("number").to_frame().select(columns))


def checkpoints(series: int, folder: Path) -> Figures:
    """Of so many changed series of all, in the mean; then what is durable is kept in files."""
    group, logs = Group(series), [dict[bytes, bytes]() for _ in _WHERES]
    group.begin([_NOTHING] * PARTITIONS)
    group.count_all()
    _keep(logs, group.checkpoint())
    found: Figures = {}
    for share in _SHARES:
        changed, spent, size = max(PARTITIONS, series // share), 0.0, 0
        turns = min(40, max(3, 4 * share))
        for _ in range(turns):
            for start in range(0, changed, BATCH):
                group.count(min(BATCH, changed - start))
            begun = time.process_time()
            made = group.checkpoint()
            spent += time.process_time() - begun
            size += sum(len(value or b"") for one in made.values() for _, value in one.parts)
            _keep(logs, made)
        found[f"checkpoint of {changed:,} changed series, ms CPU"] = spent / turns * 1e3
        found[f"checkpoint of {changed:,} changed series, kB"] = size / turns / 1e3
    for number, records in enumerate(logs):
        (folder / f"{number}.log").write_bytes(msgspec.msgpack.encode(records))
    return found


def _keep(logs: list[dict[bytes, bytes]], made: dict[TopicPartition, CheckpointRecords]) -> None:
    """What a compacted topic holds."""
    for where, one in made.items():
        for key, value in (*one.parts, one.manifest, *one.deletions):
            if value is None:
                logs[where.partition].pop(key, None)
            else:
                logs[where.partition][key] = value


def restored(series: int, folder: Path) -> Group:
    """A worker that takes all of them over. Raises RuntimeError when series are missing."""
    group = Group(series)
    group.begin(
        read(msgspec.msgpack.decode((folder / f"{n}.log").read_bytes(), type=dict[bytes, bytes]))
        for n in range(PARTITIONS)
    )
    there = sum(table.size for table in group.assignment.totals().tables)
    if there != series:
        raise RuntimeError(f"{there:,} of {series:,} series are there")
    return group


def restore(series: int, folder: Path) -> Figures:
    """The records of all partitions become counts again."""
    begun = time.perf_counter()
    restored(series, folder)
    return {"restore, s": time.perf_counter() - begun}


def scrapes(series: int, folder: Path) -> Figures:
    """Over HTTP, plain and in gzip; and what counting costs beside a scrape every 15 s."""
    group, exposition = restored(series, folder), Exposition()
    group.count_all()
    group.checkpoint()
    shown = group.assignment.shown.tables
    answers = Answers(lambda _: exposition.parts(shown(), time.time()), lambda: "")
    found: Figures = {}
    with Server("127.0.0.1:0", answers) as server:
        url = f"{server.url}/metrics"
        for coding in ("identity", "gzip"):
            took = [_scrape(url, coding) for _ in range(4)][1:]
            for name in _Scrape._fields:
                of_each = [getattr(one, name) for one in took]
                found[f"scrape, {coding}, {_UNITS[name]}"] = statistics.median(of_each)
        rounds = math.ceil(_EVERY / _counting(group, 1))
        pairs = [(_counting(group, rounds), _counting(group, rounds, url)) for _ in range(3)]
    more = statistics.median(beside / alone - 1 for alone, beside in pairs)
    return found | {
        "counting for 15 s beside a scrape, more CPU, %": more * 100,
        "memory at most, MB": megabytes("VmHWM"),
        "memory held, MB": megabytes("VmRSS"),
    }


class _Scrape(NamedTuple):
    seconds: float
    cpu: float
    size: float


_UNITS = dict(zip(_Scrape._fields, ("s", "s CPU", "MB"), strict=True))


def _scrape(url: str, coding: str) -> _Scrape:
    """What a scrape takes, and the processor time of the server."""
    cpu = time.process_time()
    done = subprocess.run(
        [sys.executable, "-c", _READ, url, coding], check=True, capture_output=True
    )
    seconds, size = map(float, done.stdout.split())
    return _Scrape(seconds, time.process_time() - cpu, size / 1e6)


def _counting(group: Group, rounds: int, url: str = "") -> float:
    """Processor time of so many batches and checkpoints, maybe with a scrape meanwhile."""
    scraper = threading.Thread(target=_scrape, args=(url, "gzip")) if url else None
    begun = time.process_time()
    if scraper:
        scraper.start()
    for _ in range(rounds):
        for _ in range(_ROUND):
            group.count(BATCH)
        group.checkpoint()
    if scraper:
        scraper.join()
    return time.process_time() - begun


_PARTS: dict[str, Callable[[int, Path], Figures]] = {
    "checkpoints": checkpoints,
    "restore": restore,
    "scrapes": scrapes,
}


def main() -> None:
    """Print every figure, and keep it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--series", type=int, default=1_000_000)
    parser.add_argument("--of", choices=_PARTS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.of:
        print(json.dumps(_PARTS[given.of](given.series, given.folder)))
        return
    print(f"{given.series:,} series of {len(_LABELS)} labels in {PARTITIONS} partitions")
    results = Results("series", 1)
    with tempfile.TemporaryDirectory() as folder:
        for part in _PARTS:
            for title, figure in _run(part, given.series, folder).items():
                goal = f" (at most {_GOALS[title]:,})" if title in _GOALS else ""
                print(f"  {title:<56} {figure:9.2f}{goal}")
                results.figures[title] = figure
    print(f"kept in {results.write()}")


def _run(part: str, series: int, folder: str) -> Figures:
    """A part in a process of its own."""
    core = [] if part == "scrapes" else ["taskset", "-c", str(max(os.sched_getaffinity(0)))]
    command = [*core, sys.executable, "-m", "benchmarks.series"]
    command += ["--of", part, "--series", str(series), "--folder", folder]
    environment = {**os.environ, "POLARS_MAX_THREADS": "1"}
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, env=environment)
    figures: Figures = json.loads(done.stdout)
    return figures


if __name__ == "__main__":
    main()
