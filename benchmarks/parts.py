"""Where the processor time of a worker goes that has a backlog: microseconds a flow, by part.

Functions are wrapped that run once a batch or seldom: the time of their thread and, but for the
fetch, what Polars' threads take meanwhile (a checkpoint is packed while a batch is counted, so some
of it is told twice).
Usage: python -m benchmarks.parts
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from benchmarks.process import Program, until
from benchmarks.topic import Bench, counted
from pipeline.cli.entry import main as flowmatrix
from pipeline.decode.parser import Parser
from pipeline.decode.record_batches import RecordBatches
from pipeline.plan.plan import Plan
from pipeline.runtime.faust import private
from pipeline.runtime.faust.checkpointer import Checkpointer
from pipeline.runtime.partition_processor import PartitionProcessor
from pipeline.state.assignment import Assignment
from pipeline.state.series_table import SeriesTable
from tests.real.kafka import Kafka
from tests.real.parts import LOCALHOST, free_port

_FLOWS, _TIMES = 900_000, 4
_TOLD = "PARTS_TOLD"
_WRAPPED: dict[str, tuple[tuple[Any, str], ...]] = {
    "fetch: checksums": ((RecordBatches, "_read"),),
    "fetch: records to payloads": ((private, "_take"),),
    "decode: protobuf to Arrow (ptars)": ((Parser, "_read"),),
    "decode: fields, addresses as text": ((Plan, "_decode"),),
    "stage": ((Plan, "_step"),),
    "count: label sets": ((Assignment, "count_parts"), (Assignment, "count")),
    "count: payloads joined and let go": (
        (PartitionProcessor, "process_parts"),
        (PartitionProcessor, "process"),
    ),
    "checkpoint: deltas merged": ((SeriesTable, "compact"), (PartitionProcessor, "snapshot")),
    "checkpoint: what changed, packed": ((Checkpointer, "_packed"),),
    "show: what is confirmed": ((Assignment, "confirmed"),),
}


def main() -> None:
    """Print the parts, the largest first."""
    with tempfile.TemporaryDirectory() as name, Kafka(Path(name)) as broker:
        folder = Path(name)
        bench, told = Bench(broker, folder, _FLOWS, _TIMES), folder / "told.json"
        port, config = free_port(), bench.config(bench.topic, bench.group())
        run = [sys.executable, "-m", "benchmarks.parts", "run", str(config)]
        command = ["env", f"{_TOLD}={told}", *run, "--listen", f"{LOCALHOST}:{port}"]
        with Program(command, port, folder / "log") as worker:
            until(lambda: counted([worker]) == bench.flows, 600)
            worker.end()
        seconds = json.loads(told.read_text())
        print("us a flow")
        for part, cost in sorted(seconds.items(), key=lambda one: -one[1]):
            print(f"{cost / bench.flows * 1e6:6.2f}  {part}")


class _Parts:
    """Seconds of a processor by part; what is inside another part is not the outer one's."""

    def __init__(self) -> None:
        self.seconds: Counter[str] = Counter()
        self.started = 0.0
        self._inner = threading.local()

    def wrap(self, part: str, owner: Any, name: str) -> None:
        """Account for a function of a class or module."""
        function: Callable[..., Any] = getattr(owner, name)

        others: Callable[[], float] = float if part.startswith("fetch") else _polars

        def timed(*arguments: Any) -> Any:
            self.started = self.started or time.process_time()
            outer, self._inner.seconds = getattr(self._inner, "seconds", 0.0), 0.0
            begun = others() + time.thread_time()
            try:
                return function(*arguments)
            finally:
                cost = time.thread_time() + others() - begun
                stage = f": {arguments[1].name}" if part == "stage" else ""
                self.seconds[part + stage] += cost - self._inner.seconds
                self._inner.seconds = outer + cost

        setattr(owner, name, timed)


def _polars() -> float:
    """Processor seconds of Polars' threads."""
    spent = 0
    for task in Path("/proc/self/task").iterdir():
        with suppress(OSError):  # it has ended
            if (task / "comm").read_text().startswith("polars-"):
                spent += int((task / "schedstat").read_text().split()[0])
    return spent / 1e9


def _worker(told: Path) -> None:
    parts = _Parts()
    for part, functions in _WRAPPED.items():
        for owner, name in functions:
            parts.wrap(part, owner, name)
    try:
        flowmatrix()
    finally:
        rest = time.process_time() - parts.started - parts.seconds.total()
        told.write_text(json.dumps(parts.seconds | {"sockets, event loops, all else": rest}))


if __name__ == "__main__":
    if _TOLD in os.environ:
        _worker(Path(os.environ[_TOLD]))
    else:
        main()
