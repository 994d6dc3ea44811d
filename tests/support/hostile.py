"""A server that answers with whatever bytes it is given."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import chain, repeat


def answered(body: bytes, status: str = "200 OK", *headers: str) -> bytes:
    """A whole answer over HTTP."""
    told = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return "\r\n".join(told).encode() + b"\r\n\r\n" + body


class Slowly:
    """Each piece after a moment, so that no read of it is long."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self.pieces = pieces

    def __iter__(self) -> Iterator[bytes]:
        for piece in self.pieces:
            time.sleep(0.05)
            yield piece


TRICKLING = {
    "status": (b"", b"H"),
    "headers": (b"HTTP/1.1 200 OK\r\n", b"x"),
    "body": (b"HTTP/1.1 200 OK\r\n\r\n", b"x"),
    "chunks": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
    "length": (b"HTTP/1.1 200 OK\r\nContent-Length: 999999\r\n\r\n", b"x"),
}
"""How an answer begins, and the piece of it that comes again and again."""


def trickling(place: str) -> Slowly:
    """An answer without end, of pieces so small that no read of it takes long."""
    return Slowly(chain(TRICKLING[place][:1], repeat(TRICKLING[place][1])))


@contextmanager
def hostile(pieces: Iterable[bytes]) -> Iterator[str]:
    """The URL of a server that sends these pieces to everyone, until the caller has enough."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_serve, args=(listener, pieces), daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)


def _serve(listener: socket.socket, pieces: Iterable[bytes]) -> None:
    with suppress(OSError):
        while True:
            caller, _ = listener.accept()
            threading.Thread(target=_answer, args=(caller, pieces), daemon=True).start()


def _answer(caller: socket.socket, pieces: Iterable[bytes]) -> None:
    with caller, suppress(OSError):
        caller.recv(65_536)
        for piece in pieces:
            caller.sendall(piece)
        caller.shutdown(socket.SHUT_WR)
        while caller.recv(65_536):
            pass
