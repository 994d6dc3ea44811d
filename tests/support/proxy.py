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
                for source, sink, answers in ((client, server, False), (server, client, True)):
                    threading.Thread(
                        target=self._pump, args=(source, sink, answers), daemon=True
                    ).start()

    def _pump(self, source: socket.socket, sink: socket.socket, answers: bool) -> None:  # noqa: FBT001
        with suppress(OSError), source, sink:
            source.settimeout(_LOOK)
            while not self._ended.is_set() and self.manner != "closed":
                with suppress(TimeoutError):
                    data = source.recv(_BLOCK)
                    if not data:
                        return
                    sink.settimeout(None)
                    if not answers:
                        sink.sendall(data)
                    elif not self._pass_on(data, sink):
                        return

    def _pass_on(self, data: bytes, sink: socket.socket) -> bool:
        """Send an answer in the manner of the moment; False where the connection ends with it."""
        manner = self.manner
        for old, new in self.renamed.items():
            data = data.replace(old, new)
        if manner == "late":
            time.sleep(_LATE)
        elif manner == "half":
            sink.sendall(data[: len(data) // 2])
            return False
        elif manner == "changed" and self._draw.random() < 0.2:
            other, place = bytearray(data), self._draw.randrange(len(data))
            other[place] ^= 1 << self._draw.randrange(8)
            data = bytes(other)
        elif manner == "drops":
            for at in range(0, min(len(data), 700), 7):
                sink.sendall(data[at : at + 7])
                time.sleep(0.002)
            data = data[700:]
        while self.manner == "never" and not self._ended.is_set():
            time.sleep(_LOOK)
        sink.sendall(data)
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
