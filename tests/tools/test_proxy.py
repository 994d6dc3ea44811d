"""The proxy of the tests: what it is told to do happens at once, and no byte is another's."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from threading import Thread

from tests.real.parts import LOCALHOST
from tests.support.proxy import Proxy


@contextmanager
def echoing() -> Iterator[Proxy]:
    """A proxy before a server that sends back what comes."""
    with socket.create_server((LOCALHOST, 0)) as server, Proxy() as proxy:
        proxy.target = f"{LOCALHOST}:{server.getsockname()[1]}"
        Thread(target=_accept, args=(server,), daemon=True).start()
        yield proxy
        server.shutdown(socket.SHUT_RDWR)


def _accept(server: socket.socket) -> None:
    while True:
        try:
            connection, _ = server.accept()
        except OSError:
            return
        Thread(target=_echo, args=(connection,), daemon=True).start()


def _echo(connection: socket.socket) -> None:
    with suppress(OSError), connection:
        while data := connection.recv(65_536):
            connection.sendall(data)


def _connected(proxy: Proxy) -> socket.socket:
    return socket.create_connection((LOCALHOST, proxy.port), timeout=60)


def test_a_connection_that_nothing_comes_through_ends_when_it_is_told_to() -> None:
    with echoing() as proxy, _connected(proxy) as client:
        for _ in range(3):
            client.sendall(b"one")
            assert client.recv(9) == b"one"
        time.sleep(0.2)  # both ways wait for more by now
        proxy.manner = "closed"
        assert client.recv(9) == b""


def test_each_connection_has_its_own_bytes() -> None:
    """Also while others end, whose sockets have the numbers of new ones."""
    with echoing() as proxy, ExitStack() as stack:
        kept = [stack.enter_context(_connected(proxy)) for _ in range(5)]
        for number in range(100):
            with _connected(proxy) as passing:
                passing.sendall(b"x" * 100)
            one = kept[number % 5]
            one.sendall(b"%08d" % number)
            assert one.recv(8, socket.MSG_WAITALL) == b"%08d" % number
