"""Who is connected, what each keeps the server waiting for, and who has to go.

Where there is no place, whoever comes waits until somebody may be put out: of those who wait for
the same and come from one address, the most numerous give up the longest wait. So a crowd makes
place for itself, whatever it does, and not at the cost of a scrape. What a caller has sent while
the loop was at something else is not a wait of the caller's: nobody goes before the loop has had
the time to look.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from enum import StrEnum
from typing import NamedTuple

_TURNS = 6
"""Turns of the loop after which it has taken a connection, and read what was sent on it."""


class Wait(StrEnum):
    """What a connection waits for: the next step of its caller, or an answer that is being made."""

    HANDSHAKE = "handshake"
    FIRST = "first"
    HEAD = "head"
    BODY = "body"
    READING = "reading"
    NEXT = "next"
    ANSWER = "answer"


class Limits(NamedTuple):
    """Bounds of the server: connections, bytes of answers under way, seconds, bytes of a body.

    `head` is the time for a request up to its empty line, `body` for the rest of it, `reading` for
    64 KiB of an answer, `idle` between two requests. Nobody is put out for another before `grace`.
    """

    connections: int = 512
    under_way: int = 256 << 20
    handshake: float = 5.0
    head: float = 10.0
    body: float = 15.0
    reading: float = 10.0
    idle: float = 75.0
    grace: float = 0.1
    largest_body: int = 8 << 20

    def seconds(self, wait: Wait) -> float:
        """How long a wait may be."""
        return {
            Wait.HANDSHAKE: self.handshake,
            Wait.FIRST: self.head,
            Wait.HEAD: self.head,
            Wait.BODY: self.body,
            Wait.READING: self.reading,
            Wait.NEXT: self.idle,
            Wait.ANSWER: float("inf"),
        }[wait]


class Caller:
    """A connection from `peer`; `drop` ends it at once, `body` is the answer that it is sent."""

    def __init__(self, callers: Callers, peer: str, drop: Callable[[], object]) -> None:
        self.drop = drop
        self.peer = peer
        self.body = b""
        self.wait = Wait.HANDSHAKE
        self.since = time.monotonic()
        self.turn = 0
        self._callers = callers

    def to(self, wait: Wait) -> None:
        """From now on it waits for this."""
        self._callers.move(self, wait)


class Callers:
    """The connections of a server, within its limits. It belongs to an event loop."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._kinds: dict[tuple[str, Wait], dict[Caller, None]] = {}
        """Those of one address that wait for the same, the longest wait first."""
        self._count = self._turn = 0

    def __len__(self) -> int:
        return self._count

    def admit(self, peer: str, drop: Callable[[], object]) -> Caller | None:
        """A new connection; None while there is no place, and nobody to put out for it."""
        if self._count >= self._limits.connections and not self._put_out():
            return None
        caller = Caller(self, peer, drop)
        self._enter(caller, Wait.HANDSHAKE)
        return caller

    def move(self, caller: Caller, wait: Wait) -> None:
        """From now on a connection waits for something else, or for the next piece of the same."""
        if self._leave(caller):
            self._enter(caller, wait)

    def leave(self, caller: Caller) -> None:
        """A connection has ended."""
        self._leave(caller)

    def waiting(self, wait: Wait) -> int:
        """How many wait for this."""
        return sum(len(held) for (_, kind), held in self._kinds.items() if kind is wait)

    def turned(self) -> None:
        """The loop has turned: it has looked at what had come."""
        self._turn += 1

    def sweep(self) -> None:
        """Put out whoever keeps the server waiting too long, or for too much."""
        now = time.monotonic()
        for caller in self._held():
            if now - caller.since > self._limits.seconds(caller.wait):
                self._drop(caller)
        reading = sorted((c for c in self._held() if c.body), key=lambda caller: caller.since)
        for caller in reading:
            under_way = {id(c.body): len(c.body) for c in self._held()}
            if sum(under_way.values()) <= self._limits.under_way:
                break
            self._drop(caller)

    def drop_all(self) -> None:
        """Put out everyone."""
        for caller in self._held():
            self._drop(caller)

    def _held(self) -> list[Caller]:
        return [caller for held in self._kinds.values() for caller in held]

    def _put_out(self) -> bool:
        """Put one out; False while everyone waits for the server, or has just begun to wait."""
        begun = time.monotonic() - self._limits.grace
        longest = (
            (len(held), next(iter(held)))
            for (_, wait), held in self._kinds.items()
            if wait is not Wait.ANSWER
        )
        able = [
            (crowd, caller)
            for crowd, caller in longest
            if caller.since <= begun and caller.turn <= self._turn - _TURNS
        ]
        if able:
            self._drop(max(able, key=lambda one: (one[0], -one[1].since))[1])
        return bool(able)

    def _drop(self, caller: Caller) -> None:
        self._leave(caller)
        caller.drop()

    def _enter(self, caller: Caller, wait: Wait) -> None:
        caller.wait, caller.since, caller.turn = wait, time.monotonic(), self._turn
        self._kinds.setdefault((caller.peer, wait), {})[caller] = None
        self._count += 1

    def _leave(self, caller: Caller) -> bool:
        """Whether it was still there."""
        kind = caller.peer, caller.wait
        held = self._kinds.get(kind, {})
        if caller not in held:
            return False
        del held[caller]
        if not held:
            del self._kinds[kind]
        self._count -= 1
        return True
