"""Who holds an address (or a secondary key): now, and for a while who held it before."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from pipeline.kube.index.entries import Entry

_RANK = {"Service": 0, "Node": 1, "Pod": 2}


class Period(NamedTuple):
    """From `since` (ms) until the next period begins, `entry` holds an address."""

    since: int
    entry: Entry


class FormerHolder(NamedTuple):
    """`entry` held `text` until then (ms)."""

    text: str
    until: int
    entry: Entry


class AddressHistory:
    """The holders of every text; `window`: ms for which one that let go is remembered."""

    def __init__(self, window: int) -> None:
        self._window = window
        self._now: dict[str, tuple[Entry, ...]] = {}
        self._past: dict[str, tuple[tuple[int, Entry], ...]] = {}
        self._due: deque[tuple[float, str]] = deque()

    def take(self, text: str, entry: Entry) -> None:
        """Another holder; the one with the highest precedence comes last."""
        holders = (*self._now.get(text, ()), entry)
        self._now[text] = tuple(sorted(holders, key=_precedence)) if holders[1:] else holders

    def release(self, text: str, entry: Entry, until: int | None, now: int) -> None:
        """A holder lets go: at `until`, as known at `now` (ms); None: it was never right."""
        left = tuple(other for other in self._now.get(text, ()) if other is not entry)
        if left:
            self._now[text] = left
        else:
            self._now.pop(text, None)
        if self._window and until is not None:
            until = _end(entry) if entry.ended else entry.until or until
            self.remember(text, entry, until, now + self._window)

    def remember(self, text: str, entry: Entry, until: int, due: float = math.inf) -> None:
        """One that held a text before, until then; forgotten when `due` (ms)."""
        self._past[text] = (*self._past.get(text, ()), (until, entry))
        self._due.append((due, text))

    def expire(self, now: int) -> Iterator[str]:
        """Forget who let go more than a window ago; the texts."""
        while self._due and self._due[0][0] <= now:
            _, text = self._due.popleft()
            left = self._past[text][1:]
            if left:
                self._past[text] = left
            else:
                del self._past[text]
            yield text

    def past(self) -> Iterator[FormerHolder]:
        """Everyone who let go and is remembered now, in the order in which that was learnt."""
        return _in_order(list(self._due), dict(self._past))

    def now(self, text: str, kind: str = "") -> Entry | None:
        """The holder now, of a kind if one is given."""
        for entry in reversed(self._now.get(text, ())):
            if not kind or entry.kind == kind:
                return entry
        return None

    def all_now(self, text: str) -> tuple[Entry, ...]:
        """Everyone who claims a text now, the one with the highest precedence last."""
        return self._now.get(text, ())

    def periods(self, text: str) -> list[Period]:
        """Who held a text and from when, one after the other; the first since ever.

        Between two holders the border is the later one's start where that is known; otherwise it
        is the earlier one's end, kept within what is known about the start.
        """
        now, past = self._now.get(text, ()), self._past.get(text, ())
        if not past and len(now) < 2:
            return [Period(0, entry) for entry in now]
        rivals: list[tuple[float, Entry]] = [
            (_end(entry) if entry.ended else math.inf, entry) for entry in now[:-1]
        ]
        former = [one for one in rivals if _passed(one[1], now[-1])]
        former += [one for one in past if not (now and one[1].ended) or _passed(one[1], now[-1])]
        former.sort(key=lambda one: one[0])
        found: list[Period] = []
        before: float = 0.0
        for until, entry in [*former, *((math.inf, one) for one in now[-1:])]:
            start = max(entry.since, before)
            if seen := (entry.gained or {}).get(text, entry.seen):
                start = min(start, seen)
            elif start == math.inf:
                start = entry.since
            start = max(int(start), found[-1].since) if found else 0
            if found and found[-1].since == start:
                found.pop()
            found.append(Period(start, entry))
            before = until
        return found


def _in_order(
    due: Iterable[tuple[float, str]], past: Mapping[str, Iterable[tuple[int, Entry]]]
) -> Iterator[FormerHolder]:
    left = {text: iter(held) for text, held in past.items()}
    for _, text in due:
        yield FormerHolder(text, *next(left[text]))


def _end(ended: Entry) -> int:
    """Until when a pod that has ended had its addresses; at least from its start on, if unknown."""
    return ended.until or ended.since


def _passed(other: Entry, holder: Entry) -> bool:
    """Whether an address went from another object to its holder.

    Between living objects of different kinds it did not. From a pod that ends or has ended it did
    if the holder came after the pod; otherwise the holder had the address all along.
    """
    if other.kind == holder.kind:
        return True
    return other.standing < holder.standing and holder.since >= other.since > 0


def _precedence(found: Entry) -> tuple[int, int, str, str, str]:
    """Living objects first; then pods, nodes, services; then what was created last."""
    return found.standing, _RANK[found.kind], found.created, found.namespace, found.name
