"""Answers over HTTP that have come by a time, whatever their server does.

What the libraries bound is one read of a socket: a server that sends a byte now and then could keep
a caller for ever, also within the head of its answer.
"""

from __future__ import annotations

import io
import math
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from http.client import HTTPResponse
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import urllib3

SILENT = 30.0
"""Seconds without a byte, where a socket has no time of its own."""
_SHORTEST = 0.001


class Deadline:
    """The time (monotonic seconds) by which answers have come."""

    def __init__(self, at: float = math.inf) -> None:
        self.at = at

    def lift(self) -> None:
        """What is still to come may take as long as it takes: the events of a watch."""
        self.at = math.inf


_current: ContextVar[Deadline] = ContextVar("deadline")


@contextmanager
def within(seconds: float) -> Iterator[Deadline]:
    """The answers to what this thread asks meanwhile have come so many seconds from now.

    Beyond it a read raises TimeoutError, which says so. Redirects have no time of their own.
    """
    deadline = Deadline(time.monotonic() + seconds)
    before = _current.set(deadline)
    try:
        yield deadline
    finally:
        _current.reset(before)


class Response(HTTPResponse):
    """An answer that keeps to the deadline in force when it began; for `http.client`."""

    def __init__(self, sock: socket.socket, *args: Any, **more: Any) -> None:
        super().__init__(sock, *args, **more)
        deadline = _current.get(None) or Deadline()
        self.fp = io.BufferedReader(_Timed(self.fp.detach(), sock, deadline))


def keep(manager: urllib3.PoolManager) -> None:
    """Have all answers to a manager's requests be such a Response, with a proxy too."""
    pools: dict[str, Any] = dict(manager.pool_classes_by_scheme)
    for scheme, pool in pools.items():
        connection = type("Connection", (pool.ConnectionCls,), {"response_class": Response})
        pools[scheme] = type("Pool", (pool,), {"ConnectionCls": connection})
    manager.pool_classes_by_scheme = pools


class _Timed(io.RawIOBase):
    """The bytes of a socket, until a time."""

    def __init__(self, raw: Any, sock: socket.socket, deadline: Deadline) -> None:
        self._raw, self._socket, self._deadline = raw, sock, deadline
        self._silent = sock.gettimeout() or SILENT

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int | None:
        left = self._deadline.at - time.monotonic()
        self._socket.settimeout(max(_SHORTEST, min(left, self._silent)))
        try:
            found: int | None = self._raw.readinto(buffer)
        except TimeoutError:
            if left > self._silent:
                raise
            found = None
        if found is None or time.monotonic() > self._deadline.at:
            raise TimeoutError("its answer takes too long")
        return found

    def close(self) -> None:
        self._raw.close()
        super().close()
