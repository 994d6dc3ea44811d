"""Sockets that datagrams come to, each read by a thread into one bounded queue."""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections import deque
from collections.abc import Collection, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import NamedTuple, Self

from pipeline.netflow.payload import address

_LARGEST = 65_535
_GLANCE = 0.2  # seconds between two looks at whether to stop
_PAUSE = 1.0
_AT_ONCE = 256
_SO_RCVBUFFORCE = 33
"""An option of Linux (socket(7)) that the standard library has no name for."""
_SOCKETS = [Path("/proc/self/net") / name for name in ("udp", "udp6")]
_INODE, _DROPS = 9, 12
"""Columns of what Linux lists there (proc(5))."""

_log = logging.getLogger(__name__)


class Datagram(NamedTuple):
    """What came, from whom (16 bytes of the address), and when (epoch seconds)."""

    data: bytes
    sender: bytes
    received: int


class Losses(NamedTuple):
    """Datagrams that were lost so far: by the kernel, and because the queue was full."""

    kernel: int
    queue: int


class Receiver:
    """Listens from `with` on. Raises OSError when an address cannot be listened on.

    The queue holds `most_bytes`; what comes beyond that is lost, and counted. `arrived` is set when
    there are datagrams enough for a batch.
    """

    def __init__(
        self,
        addresses: Sequence[tuple[str, int]],
        sockets: int,
        buffer: int,
        most_bytes: int,
        arrived: threading.Event,
    ) -> None:
        self._addresses = addresses
        self._sockets = sockets
        self._buffer = buffer
        self._most_bytes = most_bytes
        self._arrived = arrived
        self._lock = threading.Lock()
        self._queue: deque[Datagram] = deque()
        self._bytes = 0
        self._lost = 0
        self._inodes: set[int] = set()
        self._stopping = threading.Event()
        self._open = ExitStack()
        self.addresses: list[tuple[str, int]] = []
        """Where it listens, with the ports that were chosen for port 0."""
        self.buffer = 0
        """Bytes that the kernel keeps for a socket: maybe less than was asked for."""

    def take(self, most: int) -> list[Datagram]:
        """The oldest datagrams."""
        with self._lock:
            found = [self._queue.popleft() for _ in range(min(most, len(self._queue)))]
            self._bytes -= sum(len(one.data) for one in found)
        return found

    @property
    def losses(self) -> Losses:
        """What was lost so far."""
        with self._lock:
            lost = self._lost
        return Losses(_dropped(self._inodes), lost)

    @property
    def waiting(self) -> tuple[int, int]:
        """Datagrams in the queue, and their bytes."""
        with self._lock:
            return len(self._queue), self._bytes

    def __enter__(self) -> Self:
        with ExitStack() as opening:
            opened = [
                opening.enter_context(one) for where in self._addresses for one in self._bind(where)
            ]
            self._open = opening.pop_all()
        self._inodes = {os.fstat(one.fileno()).st_ino for one in opened}
        threads = [
            threading.Thread(target=self._read, args=(one,), name="datagrams", daemon=True)
            for one in opened
        ]
        for thread in threads:
            thread.start()
            self._open.callback(thread.join)
        self._open.callback(self._stopping.set)
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def _bind(self, where: tuple[str, int]) -> list[socket.socket]:
        """The sockets of one address, which share its port."""
        host, port = where
        family, _, _, _, target = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
        made: list[socket.socket] = []
        try:
            for _ in range(self._sockets):
                one = socket.socket(family, socket.SOCK_DGRAM)
                made.append(one)
                if self._sockets > 1:
                    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
                self._prepare(one)
                one.bind(target)
                target = one.getsockname()
        except OSError as error:
            for one in made:
                one.close()
            raise OSError(error.errno, f"{host}:{port} cannot be listened on: {error}") from error
        self.addresses.append((str(target[0]), int(target[1])))
        return made

    def _prepare(self, one: socket.socket) -> None:
        one.settimeout(_GLANCE)
        try:
            one.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, self._buffer)
        except OSError:  # only root may exceed what the system allows
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self._buffer)
        self.buffer = one.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) // 2

    def _read(self, one: socket.socket) -> None:
        senders: dict[str, bytes] = {}
        while not self._stopping.is_set():
            try:
                data, sender = one.recvfrom(_LARGEST)
            except TimeoutError:
                continue
            except OSError as error:  # of the network: it may be well again
                _log.warning("datagrams cannot be read: %s", error.strerror)
                self._stopping.wait(_PAUSE)
                continue
            host = str(sender[0])
            if host not in senders:
                if len(senders) >= _AT_ONCE:
                    senders.clear()
                senders[host] = address(host)
            self._put(Datagram(data, senders[host], int(time.time())))

    def _put(self, datagram: Datagram) -> None:
        with self._lock:
            if self._bytes + len(datagram.data) > self._most_bytes:
                self._lost += 1
                return
            self._queue.append(datagram)
            self._bytes += len(datagram.data)
            enough = len(self._queue) >= _AT_ONCE
        if enough:
            self._arrived.set()


def _dropped(inodes: Collection[int]) -> int:
    """Datagrams that the kernel dropped for want of room, of the sockets with these inodes."""
    found = 0
    for path in _SOCKETS:
        with suppress(OSError):
            rows = (line.split() for line in path.read_text(encoding="ascii").splitlines()[1:])
            found += sum(int(row[_DROPS]) for row in rows if int(row[_INODE]) in inodes)
    return found
