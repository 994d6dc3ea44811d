"""The latest flows of a run, as the stages behind the enrichment get them.

What is kept of a batch are its last messages, in one piece: thousands of small objects would pin
the arenas of Python's allocator, wherever there was room when they came. They are decoded, with all
their fields, and enriched when somebody looks at them: a run does not become slower by that.
"""

from __future__ import annotations

import time
from array import array
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate
from threading import Event, Lock
from typing import NamedTuple

import polars as pl

from pipeline.flows import values
from pipeline.flows.compressed import Compressed
from pipeline.plan.live import ActivePlan
from pipeline.plan.outcome import StageError
from pipeline.plan.plan import Plan
from pipeline.stage import BuildContext, Encoder, Source, Spec, Step, Transform
from pipeline.stage.macro import Macro

MOST = 5_000
"""Messages that are kept."""
_BYTES = 8 << 20
_PATIENCE = 20.0
_SHARE = 200
"""They are looked at again no sooner than after so many times as long as that takes."""


class Tap(Transform, frozen=True, kw_only=True, tag="tap"):
    """Flows with all their fields go in and out."""

    def reads(self) -> None:
        """Everything."""

    def build(self, context: BuildContext) -> Step:
        """Nothing happens to them."""
        return lambda flows: flows


def view(stages: Sequence[Spec]) -> list[Spec]:
    """The stages up to what the metrics of a pipeline are made of, and a Tap behind them.

    That is what the first macro follows, or else the first encoder, or else any last stage.
    """
    kept = {stage.name: stage for stage in stages if isinstance(stage, Source | Transform)}
    ends = [stage for stage in stages if stage.name not in kept]
    ends.sort(key=lambda stage: (not isinstance(stage, Macro), not isinstance(stage, Encoder)))
    parents = next((found for end in ends if (found := _kept(end.parents, kept))), list(kept)[:1])
    reached, waiting = list[str](), list(parents)
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.append(name)
            waiting += _kept(kept[name].parents, kept)
    tap = Tap(name="latest flows", follows=parents)
    return [*(stage for name, stage in kept.items() if name in reached), tap]


def _kept(names: Sequence[str], kept: Mapping[str, Spec]) -> list[str]:
    return [name for name in names if name in kept]


class _Batch(NamedTuple):
    """The last messages of a batch of a source in one piece, and how long each is."""

    source: str
    content: bytes
    sizes: array[int]

    def payloads(self) -> list[bytes]:
        """The messages."""
        starts = accumulate(self.sizes, initial=0)
        return [self.content[at : at + size] for at, size in zip(starts, self.sizes, strict=False)]


class LatestFlows:
    """The latest messages of a run and, on demand, their flows. `compile_view` makes a `view`."""

    def __init__(self, live: ActivePlan, compile_view: Callable[[], Plan]) -> None:
        self._live = live
        self._compile = compile_view
        self._ring: deque[_Batch] = deque()
        self._ring_lock, self._lock = Lock(), Lock()
        self._held = self._bytes = self._number = 0
        self._shown = -1
        self._next = 0.0
        self._flows = Compressed(pl.DataFrame())

    def keep(self) -> None:
        """Keep messages from now on."""
        self._live.observe = self.add

    def add(self, source: str, payloads: list[bytes]) -> None:
        """Take the last messages of a batch."""
        last = payloads[-MOST:]
        while sum(map(len, last)) > _BYTES:
            last = last[len(last) // 2 + 1 :]
        one = _Batch(source, b"".join(last), array("I", map(len, last)))
        with self._ring_lock:
            self._ring.append(one)
            self._held += len(one.sizes)
            self._bytes += len(one.content)
            self._number += 1
            while self._held - len(self._ring[0].sizes) >= MOST or self._bytes > _BYTES:
                gone = self._ring.popleft()
                self._held -= len(gone.sizes)
                self._bytes -= len(gone.content)

    def flows(self) -> Compressed:
        """The latest flows, the newest last: the same object again while there are no others.

        Raises TimeoutError when a batch is under way for too long.
        """
        with self._lock:
            begun = time.monotonic()
            if self._number != self._shown and begun >= self._next:
                with self._ring_lock:
                    ring, self._shown = list(self._ring), self._number
                self._flows = Compressed(self._enriched(ring))
                self._next = begun + _SHARE * (time.monotonic() - begun)
            return self._flows

    def _enriched(self, ring: Sequence[_Batch]) -> pl.DataFrame:
        """The flows of some batches, of a plan made for this once: what plans keep is large."""
        with self._live.batch(patience=_PATIENCE):
            of = self._compile()
            of.refresh(Event())
            tap = of.nodes[-1].name
            frames = list[pl.DataFrame]()
            for one in ring:
                try:
                    frames.append(of.flows(one.source, one.payloads(), tap))
                except StageError:  # its messages were rejected, each with its reason
                    continue
        return values.concat(frames).tail(MOST) if frames else pl.DataFrame()
