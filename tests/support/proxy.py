"""A proxy before a server of TCP, which passes its answers on late, in part or never if told to."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress
from random import Random
from types import TracebackType
from typing import Literal, Self

Manner = Literal["whole", "late", "drops", "half", "never", "changed", "closed"]
"""How answers are passed on.

`late`: after 0.5 s; `drops`: a few bytes at a time; `half`: the connection ends within an answer;
`never`: not before the manner changes; `changed`: a byte of some is another one; `closed`: no
connection is taken, and those that are there end.
"""

MANNERS: tuple[Manner, ...] = ("late", "drops", "half", "never", "changed", "closed")
_BLOCK = 65_536
_LATE, _LOOK = 0.5, 0.05


class Proxy:
    """Listens on a port of 127.0.0.1; `target` is the address (HOST:PORT) of the server."""

    def __init__(self) -> None:
        self.manner: Manner = "whole"
        self.target = ""
        self.connections = 0
        self.renamed: dict[bytes, bytes] = {}
        """Bytes of answers, and those of the same length that come instead."""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.address = f"127.0.0.1:{self.port}"
        self._ended = threading.Event()
        self._draw = Random(3)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self.connections += 1
                if self.manner == "closed":
                    client.close()
                    continue
                host, _, port = self.target.rpartition(":")
                try:
                    server = socket.create_connection((host, int(port)))
                except OSError:
                    client.close()
                    continue
                threading.Thread(target=self._carry, args=(client, server), daemon=True).start()

    def _carry(self, client: socket.socket, server: socket.socket) -> None:
        """Pass on both ways until one ends.

        Both sockets are closed when neither way uses them any more: the number of one that is
        closed earlier may be another connection's by then, whose bytes would be taken.
        """
        with client, server:
            for one in (client, server):
                one.settimeout(_LOOK)
            back = threading.Thread(target=self._pump, args=(server, client, True), daemon=True)
            back.start()
            self._pump(client, server, False)
            back.join()

    def _pump(self, source: socket.socket, sink: socket.socket, answers: bool) -> None:  # noqa: FBT001
        with suppress(OSError):
            while not self._ended.is_set() and self.manner != "closed":
                try:
                    data = source.recv(_BLOCK)
                except TimeoutError:
                    continue
                if not data:
                    break
                if not answers:
                    self._send(data, sink)
                elif not self._pass_on(data, sink):
                    break
        for one in (source, sink):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def _send(self, data: bytes, sink: socket.socket) -> None:
        """All of it, however long the other end does not read."""
        left = memoryview(data)
        while left and not self._ended.is_set():
            with suppress(TimeoutError):
                left = left[sink.send(left) :]

    def _pass_on(self, data: bytes, sink: socket.socket) -> bool:
        """Send an answer in the manner of the moment; False where the connection ends with it."""
        manner = self.manner
        for old, new in self.renamed.items():
            data = data.replace(old, new)
        if manner == "late":
            time.sleep(_LATE)
        elif manner == "half":
            self._send(data[: len(data) // 2], sink)
            return False
        elif manner == "changed" and self._draw.random() < 0.2:
            other, place = bytearray(data), self._draw.randrange(len(data))
            other[place] ^= 1 << self._draw.randrange(8)
            data = bytes(other)
        elif manner == "drops":
            for at in range(0, min(len(data), 700), 7):
                self._send(data[at : at + 7], sink)
                time.sleep(0.002)
            data = data[700:]
        while self.manner == "never" and not self._ended.is_set():
            time.sleep(_LOOK)
        self._send(data, sink)
        return True

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
