"""The present holders of addresses (and secondary keys), and for a while the former ones."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from pipeline.kube.index.entries import Entry

_RANK = {"Service": 0, "Node": 1, "Pod": 2}


class Period(NamedTuple):
    """`entry` holds an address from `since` (ms) until the next period begins."""

    since: int
    entry: Entry


class Held(NamedTuple):
    """Periods of many texts as columns, each with the place of its text, in order of both.

    Not a tuple for each, because the garbage collector looks through all of these.
    """

    places: list[int]
    since: list[int]
    entries: list[Entry]

    def add(self, place: int, since: int, entry: Entry) -> None:
        """One more period."""
        self.places.append(place)
        self.since.append(since)
        self.entries.append(entry)


class FormerHolder(NamedTuple):
    """`entry` held `text` until `until` (ms)."""

    text: str
    until: int
    entry: Entry


class AddressHistory:
    """The holders of every text (address or key); former ones are kept for `window` ms."""

    def __init__(self, window: int) -> None:
        self._window = window
        self._now: dict[str, tuple[Entry, ...]] = {}
        self._past: dict[str, tuple[tuple[int, Entry], ...]] = {}
        self._due: deque[tuple[float, str]] = deque()

    def take(self, text: str, entry: Entry) -> None:
        """Add a holder; holders are ordered by precedence, the highest last."""
        holders = (*self._now.get(text, ()), entry)
        self._now[text] = tuple(sorted(holders, key=_precedence)) if holders[1:] else holders

    def release(self, text: str, entry: Entry, until: int | None, now: int) -> None:
        """Remove a holder at `until` (learnt at `now`, both ms; None: it never held the text)."""
        left = tuple(other for other in self._now.get(text, ()) if other is not entry)
        if left:
            self._now[text] = left
        else:
            self._now.pop(text, None)
        if self._window and until is not None:
            until = _end(entry) if entry.ended else entry.until or until
            self.remember(text, entry, until, now + self._window)

    def remember(self, text: str, entry: Entry, until: int, due: float = math.inf) -> None:
        """Add a former holder, which held a text until `until`; it is forgotten at `due` (ms)."""
        self._past[text] = (*self._past.get(text, ()), (until, entry))
        self._due.append((due, text))

    def expire(self, now: int) -> Iterator[str]:
        """Forget former holders whose time is over; return their texts."""
        while self._due and self._due[0][0] <= now:
            _, text = self._due.popleft()
            left = self._past[text][1:]
            if left:
                self._past[text] = left
            else:
                del self._past[text]
            yield text

    def past(self) -> Iterator[FormerHolder]:
        """The former holders, in the order in which they were learnt."""
        return _in_order(list(self._due), dict(self._past))

    def now(self, text: str, kind: str = "") -> Entry | None:
        """The present holder with the highest precedence; `kind` limits the kinds."""
        for entry in reversed(self._now.get(text, ())):
            if not kind or entry.kind == kind:
                return entry
        return None

    def all_now(self, text: str) -> tuple[Entry, ...]:
        """All present holders of a text, the one with the highest precedence last."""
        return self._now.get(text, ())

    def held(self, texts: Sequence[str]) -> Held:
        """The periods of those of many texts that have or had a holder."""
        holders = list(map(self._now.get, texts))
        most = max(map(len, filter(None, holders)), default=0)
        if most < 2 and self._past.keys().isdisjoint(texts):
            places = [place for place, one in enumerate(holders) if one]
            return Held(places, [0] * len(places), [one[0] for one in holders if one])
        found = Held([], [], [])
        for place, (text, one) in enumerate(zip(texts, holders, strict=True)):
            if text in self._past or (one and len(one) > 1):
                for period in self.periods(text):
                    found.add(place, *period)
            elif one:
                found.add(place, 0, one[0])
        return found

    def periods(self, text: str) -> list[Period]:
        """The holders of a text with their start, in order of time; the first period starts at 0.

        The border between two holders is the later one's start if it is known. Otherwise it is the
        earlier one's end, limited to the known bounds of the start.
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
    """When a pod that has ended lost its addresses; its start when that is unknown."""
    return ended.until or ended.since


def _passed(other: Entry, holder: Entry) -> bool:
    """Whether an address passed from another object to its holder.

    An address does not pass between living objects of different kinds. It passes from a pod that
    ends or has ended if the holder is younger than the pod; otherwise the holder always had it.
    """
    if other.kind == holder.kind:
        return True
    return other.standing < holder.standing and holder.since >= other.since > 0


def _precedence(found: Entry) -> tuple[int, int, str, str, str]:
    """Living objects have precedence; then pods, nodes, services; then the youngest object."""
    return found.standing, _RANK[found.kind], found.created, found.namespace, found.name
