"""A server in memory that does what a test says, and the self-metrics as a dictionary."""

from __future__ import annotations

import threading
from collections.abc import Callable

import polars as pl

from pipeline.push.destination import Destination, Terms

TRIES = 1_200
"""A test waits for two minutes at most."""


class Measured:
    """The self-metrics of one stage."""

    def __init__(self) -> None:
        self.values: dict[str, float] = {}

    def add(self, name: str, amount: float, *labels: str) -> None:
        assert labels == ("out",)
        self.values[name] = self.values.get(name, 0) + amount

    def set(self, name: str, value: float, *labels: str) -> None:
        assert labels == ("out",)
        self.values[name] = value

    def flows(self) -> tuple[float, float, float]:
        """Written, lost, waiting."""
        names = ("records_written", "records_lost", "write_queue_flows")
        written, lost, waiting = (self.values[name] for name in names)
        return written, lost, waiting


class Server:
    """Takes batches, unless `answer` raises. `asked` is set whenever a batch comes."""

    def __init__(self, answer: Callable[[int], None] = lambda _: None) -> None:
        self._answer = answer
        self.asked = threading.Event()
        self.batches: list[list[int]] = []
        self.requests = 0
        self.closed = False

    def send(self, flows: pl.DataFrame) -> None:
        self.requests += 1
        self.asked.set()
        self._answer(self.requests)
        self.batches.append(flows["n"].to_list())

    def close(self) -> None:
        self.closed = True


class To(Destination, frozen=True, kw_only=True):
    """The way to such a server."""

    server: Server

    def connect(self) -> Server:
        return self.server


def to(server: Server, **terms: float | bool) -> To:
    """Quick terms, but for those given."""
    quick: dict[str, float | bool] = {
        "batch_wait": 0.01,
        "min_backoff": 0.001,
        "max_backoff": 0.002,
        "flush": 20.0,
    }
    return To(address="a server", server=server, terms=Terms(**quick | terms))  # type: ignore[arg-type] # names of a test


def numbered(first: int, count: int) -> pl.DataFrame:
    return pl.DataFrame({"n": range(first, first + count)}, schema={"n": pl.Int64})
