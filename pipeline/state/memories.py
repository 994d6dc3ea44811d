"""What the stages of a plan remember: of one partition, or of a run without Kafka."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import polars as pl

from pipeline.stage import Change, Measure, Memory, Stateful
from pipeline.stage.memory import Saved

_RESTARTED = "stage %s has changed: it remembers nothing"
_log = logging.getLogger(__name__)


class Remembering(NamedTuple):
    """A stage that remembers, and a digest of it and of the stages before it."""

    digest: str
    stage: Stateful


class MemorySnapshot(NamedTuple):
    """What a stage remembers at a moment: the chunks that changed since the snapshot before.

    Each is the fixed columns of its rows and their values, with LIVE (see `stage.memory`).
    """

    stage: str
    digest: str
    edition: int
    at: float
    chunks: dict[int, tuple[pl.DataFrame, pl.DataFrame]]


class Memories:
    """The memories of stages by name. `now` is the time of the batch that runs (epoch seconds)."""

    def __init__(self, stages: Mapping[str, Remembering]) -> None:
        self.now = time.time()
        self._stages = dict(stages)
        self._held = {name: one.stage.begin() for name, one in stages.items()}
        self._restored: set[str] = set()

    def saved(self) -> Iterator[tuple[str, str, Saved]]:
        """The stages that remember something, each with its digest and what it remembers."""
        for name, memory in self._held.items():
            if memory.alive:
                yield name, self._stages[name].digest, memory.saved()

    def snapshot(self) -> list[MemorySnapshot]:
        """What changed since the last call, of every stage."""
        return [
            MemorySnapshot(
                name,
                self._stages[name].digest,
                memory.edition,
                memory.at,
                {chunk: memory.chunk(chunk) for chunk in memory.take_touched()},
            )
            for name, memory in self._held.items()
        ]

    def is_idle(self, now: float) -> bool:
        """Whether a stage remembers something, and no batch has come for long enough."""
        return any(
            memory.alive and now - self.now >= self._stages[name].stage.idle
            for name, memory in self._held.items()
        )

    def restore(self, stage: str, digest: str, saved: Saved) -> None:
        """Go on from what was saved, unless the stage is gone or has changed since."""
        if stage in self._stages and self._stages[stage].digest == digest:
            self._held[stage].take(saved)
            self._restored.add(stage)
        elif stage in self._stages:
            _log.warning(_RESTARTED, stage)

    def beside(self) -> Memories:
        """Memories to count the start of an input once more with.

        Those that were restored are not touched by it; the others take part in it.
        """
        other = Memories(self._stages)
        other._held |= {n: memory for n, memory in self._held.items() if n not in self._restored}
        return other

    def of(self, stage: str) -> Memory:
        """The memory of a stage."""
        return self._held[stage]

    def adopt(self, changes: Mapping[str, Change]) -> None:
        """Take what a batch changes."""
        for name, change in changes.items():
            self._held[name].adopt(change)

    def measures(self) -> list[Measure]:
        """What self-metrics show of the memories."""
        return [one for memory in self._held.values() for one in memory.measures()]

    def go_on(self, stages: Mapping[str, Remembering]) -> None:
        """Be the memories of these stages from now on; those that have changed begin anew."""
        held = {}
        for name, one in stages.items():
            before = self._stages.get(name)
            held[name] = self._held[name] if before and before.digest == one.digest else None
            if before and held[name] is None:
                _log.warning(_RESTARTED, name)
        self._held = {name: memory or stages[name].stage.begin() for name, memory in held.items()}
        self._stages = dict(stages)
