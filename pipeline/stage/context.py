"""What a stage is built from, and what a source reads with."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

Fields = frozenset[str]
"""Names of flow fields."""


@dataclass(frozen=True)
class BuildContext:
    """What a stage is built from.

    `folder` is where relative file names start. `pipeline` is an identifier of the pipeline, made
    from the name and the place of its file; "" where there is no file. `needed` are the fields that
    this stage and those behind it read, None for all of them: it may leave out the others. `clock`
    gives epoch seconds. `random` is for constants drawn while the stage is built, such as the seeds
    of its draws; what a built stage does depends on its input alone. `decoders` are the
    formats of the sources whose flows come to this stage.
    """

    folder: Path = Path()
    pipeline: str = ""
    needed: Fields | None = None
    clock: Callable[[], float] = time.time
    random: random.Random = field(default_factory=random.Random)
    decoders: frozenset[str] = frozenset()

    @property
    def integers(self) -> bool:
        """Whether the original has integers here: flows of JSON have doubles only."""
        return bool(self.decoders) and "json" not in self.decoders

    def needs(self, name: str) -> bool:
        """Whether this stage or one behind it reads this field (or a nested name of it)."""
        return self.needed is None or name in self.needed


class Measures(Protocol):
    """Where a source reports its self-metrics."""

    def add(self, name: str, amount: float, *labels: str) -> None:
        """Add to a counter."""

    def set(self, name: str, value: float, *labels: str) -> None:
        """Set a gauge."""


class Unmeasured:
    """Measures that go nowhere."""

    def add(self, name: str, amount: float, *labels: str) -> None:
        """Nothing."""

    def set(self, name: str, value: float, *labels: str) -> None:
        """Nothing."""


@dataclass(frozen=True)
class SourceContext:
    """What a local source reads with: the configuration's folder, and the event that ends it.

    A source that waits for flows calls `waiting` several times a second. A server (`Source.serves`)
    sets `arrived` from its threads when there is a batch to take, reports to `measures`, and may
    keep files of its own in the folder `state`, where there is one.
    """

    folder: Path = Path()
    stopping: threading.Event = field(default_factory=threading.Event)
    waiting: Callable[[], None] = lambda: None
    arrived: threading.Event = field(default_factory=threading.Event)
    measures: Measures = field(default_factory=Unmeasured)
    state: Path | None = None


class Awaited(list[bytes]):
    """A run of payloads whose senders wait: `settle` is called once when all of them are durable.

    With a state that is when it is saved; without one, when they are counted.
    """

    def __init__(self, payloads: Iterable[bytes], settle: Callable[[], None]) -> None:
        super().__init__(payloads)
        self.settle = settle
