"""A real Prometheus that scrapes workers as they come and go, each process under its own name."""

from __future__ import annotations

import json
import math
import time
from collections import defaultdict
from pathlib import Path
from typing import Self

from pipeline.files import write
from tests.kafka.support.load import Labels, Samples, labelled
from tests.kafka.support.workers import Worker
from tests.real.parts import LOCALHOST
from tests.real.prometheus import Prometheus

_OF_SCRAPES = {"__name__", "instance", "job", "process"}
_RANGE = "2h"


class Watch:
    """Scrapes every second. Whatever is asked of it is about the whole run."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._targets = folder / "targets.json"
        self._running: dict[str, int] = {}
        self._started = time.monotonic()
        self._write()
        job = {"job_name": "workers", "file_sd_configs": [{"files": [str(self._targets)]}]}
        every = {"scrape_interval": "1s", "scrape_timeout": "1s"}
        self._prometheus = Prometheus({"global": every, "scrape_configs": [job]}, folder)

    def add(self, name: str, worker: Worker) -> None:
        """Scrape this process from now on."""
        self._running[name] = worker.port
        self._write()

    def remove(self, name: str) -> None:
        """It has ended."""
        del self._running[name]
        self._write()

    def _write(self) -> None:
        targets = [
            {"targets": [f"{LOCALHOST}:{port}"], "labels": {"process": name}}
            for name, port in self._running.items()
        ]
        write(self._targets, json.dumps(targets))

    def scrapes(self) -> int:
        """How many there were that got an answer."""
        return int(self._prometheus.query(f"sum(sum_over_time(up[{_RANGE}]))")[0].value)

    def decreased(self, name: str) -> int:
        """How many series of a metric ever went down within a process."""
        return len(self._prometheus.query(f"resets({name}[{_RANGE}]) > 0"))

    def increases(self, name: str) -> Samples:
        """`increase` over the run and the `last` values, added up over the processes.

        Each process is asked about as of its last scrape: Prometheus then extrapolates at most to
        the zero a process starts from, and nothing beyond what it has seen.
        """
        found: dict[str, defaultdict[Labels, float]] = {
            kind: defaultdict(float) for kind in ("increase", "last")
        }
        for process, last in self._lasts().items():
            for kind, function in (("increase", "increase"), ("last", "last_over_time")):
                asked = f'{function}({name}{{process="{process}"}}[{_RANGE}])'
                for row in self._prometheus.query(asked, at=last):
                    own = {k: v for k, v in row.labels.items() if k not in _OF_SCRAPES}
                    if "le" in own:
                        own["le"] = str(float(own["le"]))
                    found[kind][labelled(own)] += row.value
        return {kind: dict(counts) for kind, counts in found.items()}

    def _lasts(self) -> dict[str, float]:
        """When each process was scraped last (Unix time)."""
        since = math.ceil(time.monotonic() - self._started)
        asked = f"max_over_time(timestamp(process_start_time_seconds)[{since}s:1s])"
        return {row.labels["process"]: row.value for row in self._prometheus.query(asked)}

    def __enter__(self) -> Self:
        self._prometheus.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._prometheus.stop()
