"""Who is connected, what each keeps the server waiting for, and who has to go.

The longest wait goes first, when there are too many connections or answers take too much memory:
whoever holds a connection and does nothing is put out by whoever comes.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from enum import StrEnum
from typing import NamedTuple


class Wait(StrEnum):
    """What a connection waits for: the next step of its caller, or an answer that is being made."""

    HANDSHAKE = "handshake"
    HEAD = "head"
    BODY = "body"
    READING = "reading"
    NEXT = "next"
    ANSWER = "answer"


class Limits(NamedTuple):
    """Bounds of the server: connections, bytes of answers under way, seconds, bytes of a body.

    `head` is the time for a request up to its empty line, `body` for the rest of it, `reading` for
    64 KiB of an answer, `idle` between two requests.
    """

    connections: int = 512
    under_way: int = 256 << 20
    handshake: float = 5.0
    head: float = 10.0
    body: float = 15.0
    reading: float = 10.0
    idle: float = 75.0
    largest_body: int = 8 << 20

    def seconds(self, wait: Wait) -> float:
        """How long a wait may be."""
        return {
            Wait.HANDSHAKE: self.handshake,
            Wait.HEAD: self.head,
            Wait.BODY: self.body,
            Wait.READING: self.reading,
            Wait.NEXT: self.idle,
            Wait.ANSWER: float("inf"),
        }[wait]


class Caller:
    """A connection. `drop` ends it at once; `body` is the answer that it is being sent."""

    def __init__(self, drop: Callable[[], object], now: float) -> None:
        self.drop = drop
        self.body = b""
        self.wait = Wait.HANDSHAKE
        self.since = now

    def to(self, wait: Wait) -> None:
        """From now on it waits for this."""
        self.wait = wait
        self.since = time.monotonic()


class Callers:
    """The connections of a server, within its limits. It belongs to an event loop."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._held: set[Caller] = set()

    def __len__(self) -> int:
        return len(self._held)

    def admit(self, drop: Callable[[], object]) -> Caller | None:
        """A new connection; None when there is no place and nobody to put out for it."""
        if len(self._held) >= self._limits.connections and not self._put_out():
            return None
        caller = Caller(drop, time.monotonic())
        self._held.add(caller)
        return caller

    def leave(self, caller: Caller) -> None:
        """A connection has ended."""
        self._held.discard(caller)

    def sweep(self) -> None:
        """Put out whoever keeps the server waiting too long, or for too much."""
        now = time.monotonic()
        for caller in [c for c in self._held if now - c.since > self._limits.seconds(c.wait)]:
            self._drop(caller)
        reading = sorted((c for c in self._held if c.body), key=lambda caller: caller.since)
        for caller in reading:
            if sum(map(len, {id(c.body): c.body for c in self._held}.values())) <= (
                self._limits.under_way
            ):
                break
            self._drop(caller)

    def drop_all(self) -> None:
        """Put out everyone."""
        for caller in list(self._held):
            self._drop(caller)

    def _put_out(self) -> bool:
        """Put out the longest wait; False when everyone waits for the server."""
        waiting = (caller for caller in self._held if caller.wait is not Wait.ANSWER)
        longest = min(waiting, key=lambda caller: caller.since, default=None)
        if longest:
            self._drop(longest)
        return longest is not None

    def _drop(self, caller: Caller) -> None:
        self._held.discard(caller)
        caller.drop()
