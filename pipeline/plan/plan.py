"""The plan: built stages in order, and the way of a batch through them.

A run has no effects and depends on nothing but the plan and the batch: the same batch gives the
same outcome again, also in pieces. What stages look flows up in changes in `refresh` alone.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from pipeline.flows import values
from pipeline.plan import runners
from pipeline.plan.outcome import Counts, Outcome, Reject, attribute_errors
from pipeline.plan.runners import Runner
from pipeline.stage import (
    BuildContext,
    BuiltStage,
    Decode,
    Expansion,
    Knowledge,
    MetricSet,
    Source,
    Spec,
    Writer,
)
from pipeline.state.memories import Memories, Remembering


@dataclass(frozen=True)
class Node:
    """A stage of the plan. `names`: every configured stage it stands for, its own first."""

    spec: Spec
    parents: tuple[str, ...]
    names: tuple[str, ...]

    @property
    def name(self) -> str:
        """The name of the stage that runs."""
        return self.spec.name


class Plan:
    """The stages as they run, parents first; `pipeline.plan.compile` makes it.

    `context` is what they were built from. `families` are the metrics they make. `knowledge` is
    what they know about addresses. `statuses` are the resources behind the macros.
    """

    def __init__(
        self,
        nodes: Sequence[Node],
        context: BuildContext,
        families: MetricSet,
        *,
        decoders: Mapping[str, Decode],
        runners: Mapping[str, Runner],
        built: Sequence[BuiltStage] = (),
        remembering: Mapping[str, Remembering] | None = None,
        expansions: Sequence[Expansion] = (),
    ) -> None:
        self.nodes = nodes
        self.context = context
        self.families = families
        self.sources = [node.spec for node in nodes if isinstance(node.spec, Source)]
        self.writers = [node.spec for node in nodes if isinstance(node.spec, Writer)]
        self.knowledge: list[Knowledge] = [b.knowledge for b in built if b.knowledge]
        self.statuses = [status for one in expansions for status in one.statuses]
        self.remembering = remembering or {}
        """The stages that remember, by name."""
        self._decoders = decoders
        self._runners = runners
        self._expansions = expansions
        self._refreshers = list(dict.fromkeys(b.refresh for b in built if b.refresh))
        self._fingerprints = [
            *(one.fingerprint for one in expansions if one.fingerprint),
            *(one.fingerprint for one in built if one.fingerprint),
        ]
        self._numbered = any(values.NUMBER in (node.spec.reads() or ()) for node in nodes)
        self._walks = {source.name: self._walk(source.name) for source in self.sources}

    def run(
        self,
        source: str,
        payloads: list[bytes],
        first: int = 0,
        memories: Memories | None = None,
        parts: Sequence[int] = (),
    ) -> Outcome:
        """Take the payloads of one source through every stage that follows it.

        `first` is the number of the first message, on which random draws depend. `memories` are
        what stages remember, which is only read; without them they remember nothing. `parts`: how
        many of the payloads are in each part of the batch (see `Outcome.apart`). Raises StageError
        when a stage cannot take the batch.
        """
        outcome, marks = Outcome(len(payloads)), self._marks(len(payloads), first, parts)
        self._through(source, payloads, marks, outcome, memories or Memories(self.remembering))
        return outcome

    def flows(self, source: str, payloads: list[bytes], stage: str) -> pl.DataFrame:
        """The flows that come out of a stage which no other follows. Raises StageError."""
        outcome, memories = Outcome(len(payloads)), Memories(self.remembering)
        marks = self._marks(len(payloads), 0, ())
        return self._through(source, payloads, marks, outcome, memories)[stage]

    def refresh(self, stopping: threading.Event) -> None:
        """Bring up to date what the stages look flows up in; by one thread, between batches.

        Raises InterruptedError when `stopping` is set while it waits for that.
        """
        for refresh in self._refreshers:
            refresh(stopping)

    def fingerprint(self) -> Hashable:
        """What the plan was built from besides the configuration's text, as a value to compare."""
        return tuple(fingerprint() for fingerprint in self._fingerprints)

    def report(self) -> None:
        """Let the macros tell how their resources fare in the plan that runs."""
        for expansion in self._expansions:
            if expansion.report:
                expansion.report()

    def _through(
        self,
        source: str,
        payloads: list[bytes],
        marks: list[pl.Series],
        outcome: Outcome,
        memories: Memories,
    ) -> dict[str, pl.DataFrame]:
        """Run every stage that follows the source; the flows of those that nothing follows."""
        with attribute_errors(source):
            flows = self._decode(source, payloads, marks, outcome)
        frames = {source: values.materialized(flows)}
        pending = Counter(parent for node in self._walks[source] for parent in node.parents)
        for node in self._walks[source]:
            inputs = [frames[parent] for parent in node.parents if parent in frames]
            frame = self._step(node, inputs, outcome, memories)
            if frame is not None:
                frames[node.name] = values.materialized(frame)
            for parent in node.parents:
                pending[parent] -= 1
                if not pending[parent]:
                    frames.pop(parent, None)
        return frames

    def _marks(self, messages: int, first: int, parts: Sequence[int]) -> list[pl.Series]:
        """What a plan knows of messages beside their content: NUMBER and PART, where needed."""
        marks = []
        if self._numbered:
            numbered = pl.int_range(first, first + messages, dtype=pl.UInt64, eager=True)
            marks.append(numbered.alias(values.NUMBER))
        if parts:
            numbers = np.repeat(np.arange(len(parts), dtype=np.uint32), parts)
            marks.append(pl.Series(values.PART, numbers))
        return marks

    def _decode(
        self, source: str, payloads: list[bytes], marks: list[pl.Series], outcome: Outcome
    ) -> pl.DataFrame:
        start = time.perf_counter()
        flows, rejected, coerced = self._decoders[source](payloads)
        outcome.flows = flows.height
        outcome.counts[source] = Counts(
            flows_in=len(payloads),
            flows_out=flows.height,
            rejected=len(rejected),
            coerced=coerced,
            seconds=time.perf_counter() - start,
        )
        outcome.rejects += [
            Reject(source, reason, payloads[index], index) for index, reason in rejected
        ]
        if marks and rejected:
            left_out = pl.Series([index for index, _ in rejected], dtype=pl.Int64)
            kept = ~pl.int_range(len(payloads), eager=True).is_in(left_out.implode())
            marks = [mark.filter(kept) for mark in marks]
        return flows.with_columns(marks)

    def _step(
        self, node: Node, inputs: list[pl.DataFrame], outcome: Outcome, memories: Memories
    ) -> pl.DataFrame | None:
        start = time.perf_counter()
        with attribute_errors(node.name):
            batch = inputs[0] if len(inputs) == 1 else values.materialized(values.concat(inputs))
            if node.name in self.remembering:
                stage, memory = self.remembering[node.name].stage, memories.of(node.name)
                result = runners.stateful(node.name, stage, batch, memory, memories.now)
            else:
                result = self._runners[node.name](batch)
        result.counts.seconds = time.perf_counter() - start
        outcome.counts[node.name] = result.counts
        outcome.deltas += result.deltas
        outcome.rejects += result.rejects
        outcome.records += result.records
        outcome.measures += result.measures
        if result.change:
            outcome.changes[node.name] = result.change
        return result.frame

    def _walk(self, source: str) -> list[Node]:
        """The nodes a source's flows reach, parents first; parents outside are left out."""
        reached = {source}
        walk = []
        for node in self.nodes:
            parents = tuple(parent for parent in node.parents if parent in reached)
            if parents:
                reached.add(node.name)
                walk.append(replace(node, parents=parents))
        return walk
