"""Programs under measurement: their processor time, memory, and what their metrics say."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from http.client import HTTPException
from pathlib import Path
from typing import Any, Self

from tests.real.parts import LOCALHOST, call

BYTES = "expose/workload-bytes"
Figures = dict[str, Any]
_CHECKOUT = Path(__file__).parent.parent
_TICK = os.sysconf("SC_CLK_TCK")


class Program:
    """A process with a page of metrics on a local port; leaving the context kills it."""

    def __init__(self, command: Sequence[str], port: int, log: Path, threads: int = 0) -> None:
        self.port = port
        environment = {**os.environ, **({"POLARS_MAX_THREADS": str(threads)} if threads else {})}
        with log.open("ab") as out:
            self._process = subprocess.Popen(command, stdout=out, stderr=out, env=environment)

    @property
    def url(self) -> str:
        """Its server."""
        return f"http://{LOCALHOST}:{self.port}"

    def page(self, path: str = "/metrics") -> bytes:
        """A page; empty while nobody answers, and where an answer ends early."""
        try:
            answer = call(self.port, path)
        except (OSError, HTTPException):
            if self._process.poll() is not None:
                raise RuntimeError(f"it ended with exit code {self._process.returncode}") from None
            return b""
        return answer.body if answer.status == 200 else b""

    def number(self, metric: str, **labels: str) -> float:
        """The sum of a metric's samples that have these labels."""
        page = self.page(f"/metrics?name[]={metric}")  # not all series: looking must cost little
        told = [f'{name}="{value}"'.encode() for name, value in labels.items()]
        samples = re.findall(rf"^{metric}({{.*}})? (\S+)$".encode(), page, re.MULTILINE)
        return sum(float(value) for own, value in samples if all(label in own for label in told))

    def left_out(self) -> tuple[int, int]:
        """Flows filtered from the metric of bytes, which wants all of them, and those rejected."""
        filtered = self.number("flowmatrix_stage_flows_filtered", stage=BYTES)
        return int(filtered), int(self.number("flowmatrix_stage_flows_rejected", stage="flows"))

    def cpu(self) -> float:
        """Processor seconds so far."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICK

    def peak_mb(self) -> float:
        """The most memory it held."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        return float(status.split("VmHWM:")[1].split()[0]) / 1024

    def end(self) -> float:
        """SIGTERM; the seconds it took."""
        begun = time.perf_counter()
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(60)
        return time.perf_counter() - begun

    def kill(self) -> None:
        """SIGKILL."""
        self._process.kill()
        self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()


def measured(config: Path, *options: str) -> Figures:
    """A run of `benchmarks.measure` on a configuration."""
    command = [sys.executable, "-m", "benchmarks.measure", str(config), *options]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, cwd=_CHECKOUT)
    figures: Figures = json.loads(done.stdout)
    return figures


def until(true: Callable[[], object], seconds: float = 120, every: float = 0.1) -> None:
    """Wait for something to become true. Raises TimeoutError."""
    deadline = time.perf_counter() + seconds
    while not true():
        if time.perf_counter() > deadline:
            raise TimeoutError(f"not within {seconds:.0f} s")
        time.sleep(every)
