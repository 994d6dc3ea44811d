"""What a stage becomes when it is built: its behaviour, as functions over frames."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from typing import NamedTuple, Protocol, TypeAlias

import polars as pl

from pipeline.kafka.publication import Records
from pipeline.stage.metrics import Encoded


class Decoded(NamedTuple):
    """Payloads as flows. `flows` has a row per good payload, in order (see `flows.values`).

    `rejected` pairs the index of a payload that cannot be decoded with the reason; `coerced` counts
    texts that were turned into numbers because the catalogue says so.
    """

    flows: pl.DataFrame
    rejected: list[tuple[int, str]]
    coerced: int = 0


Decode = Callable[[list[bytes]], Decoded]
Step: TypeAlias = "Callable[[pl.DataFrame], pl.DataFrame]"
Encode: TypeAlias = "Callable[[pl.DataFrame], Encoded]"
Write: TypeAlias = "Callable[[pl.DataFrame], Records]"


class Knowledge(Protocol):
    """What a built stage knows about addresses, for people who ask."""

    def knows(self, address: str, at: int | None) -> bool:
        """Whether it has something about an address at a time (ms; None: now)."""

    def explain(self, address: str, at: int | None) -> Iterator[tuple[str, str]]:
        """What it knows about an address at a time (ms; None: now), as titles and texts."""

    def problems(self) -> list[str]:
        """What keeps its knowledge from being complete, for people."""


@dataclass(frozen=True)
class BuiltStage:
    """A transform's behaviour, for a stage that is built from more than its fields.

    `refresh` brings up to date what the stage looks flows up in. It is called once before a batch,
    never while one is under way; it raises InterruptedError when the event is set while it waits.
    `fingerprint` is a value that changes when the stage has to be built again, because a file or
    an object it is built from has changed.
    """

    step: Step
    refresh: Callable[[threading.Event], None] | None = None
    fingerprint: Callable[[], Hashable] | None = None
    knowledge: Knowledge | None = None

    def __call__(self, flows: pl.DataFrame) -> pl.DataFrame:
        """Take a frame through the step."""
        return self.step(flows)
