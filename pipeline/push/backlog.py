"""The frames of flows that wait to be sent, oldest first, within bounds."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import polars as pl

from pipeline.flows import values
from pipeline.push.destination import Terms


@dataclass
class _Waiting:
    """Flows, what each of them is thought to hold in memory, and when they came."""

    flows: pl.DataFrame
    each: float
    weight: float
    since: float


class Backlog:
    """A queue of frames. What was taken counts until it is released. For one thread at a time."""

    def __init__(self, terms: Terms, weighed: str = "") -> None:
        self._terms = terms
        self._weighed = weighed
        self._frames: deque[_Waiting] = deque()
        self._ready, self._weight = 0, 0.0
        self._taken, self._taken_bytes = 0, 0.0
        self.flows = 0
        """Flows that wait, those that were taken included."""
        self.bytes = 0.0

    def add(self, flows: pl.DataFrame, now: float) -> int:
        """Queue the first flows, as many as there is room for; returns how many."""
        each = max(1.0, flows.estimated_size() / max(1, flows.height))
        terms = self._terms
        room = min(terms.max_flows - self.flows, int((terms.max_bytes - self.bytes) / each))
        if not self.flows:
            room = max(1, room)  # a flow larger than the bound would wait for ever
        taken = flows.head(max(0, room))
        if taken.height:
            weight = self._weigh(taken, each)
            self._frames.append(_Waiting(taken, each, weight, now))
            self._count(taken.height, each * taken.height, weight)
        return taken.height

    def due(self, now: float, *, closing: bool = False) -> float | None:
        """In how many seconds there will be a batch: 0 when there is; None when nothing waits."""
        if not self._frames:
            return None
        terms = self._terms
        full = self._ready >= terms.batch_flows or self._weight >= terms.batch_bytes
        if closing or full:
            return 0.0
        return max(0.0, self._frames[0].since + terms.batch_wait - now)

    def take(self) -> pl.DataFrame:
        """The oldest flows, as many as make a batch: at least one."""
        found: list[pl.DataFrame] = []
        rows, room = self._terms.batch_flows, float(self._terms.batch_bytes)
        while self._frames and rows:
            first = self._frames[0]
            fit = min(rows, first.flows.height)
            weight = first.weight
            if first.weight > room or fit < first.flows.height:
                fit, weight = self._fit(first, fit, room, empty=not found)
            if not fit:
                break
            self._remove(fit, weight)
            found.append(first.flows.head(fit))
            if fit < first.flows.height:
                first.flows, first.weight = first.flows.slice(fit), first.weight - weight
            else:
                self._frames.popleft()
            rows, room = rows - fit, room - weight
            self._taken += fit
            self._taken_bytes += fit * first.each
        return found[0] if len(found) == 1 else values.concat(found)

    def release(self) -> None:
        """What was taken does not count any more."""
        self.flows -= self._taken
        self.bytes -= self._taken_bytes
        self._taken, self._taken_bytes = 0, 0.0

    def _fit(self, first: _Waiting, most: int, room: float, *, empty: bool) -> tuple[int, float]:
        """How many flows of a frame fit into a batch, and their weight."""
        if not self._weighed:
            fit = min(most, int(room / first.each))
            fit = max(1, fit) if empty else fit
            return fit, fit * first.each
        sums = first.flows[self._weighed].head(most).str.len_bytes().cum_sum()
        fit = int((sums <= room).sum())
        fit = max(1, fit) if empty else fit
        return fit, float(sums[fit - 1]) if fit else 0.0

    def _weigh(self, flows: pl.DataFrame, each: float) -> float:
        if not self._weighed:
            return each * flows.height
        return float(flows[self._weighed].str.len_bytes().sum())

    def _count(self, flows: int, size: float, weight: float) -> None:
        self.flows += flows
        self.bytes += size
        self._ready += flows
        self._weight += weight

    def _remove(self, flows: int, weight: float) -> None:
        self._ready -= flows
        self._weight -= weight
