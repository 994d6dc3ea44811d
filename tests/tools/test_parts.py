"""Servers of the tests: ports of their own, and an answer that ends early is none."""

from __future__ import annotations

import socket
from threading import Thread

import pytest

from tests.real.parts import LOCALHOST, call, free_port

_FIRST_OF_CLIENTS = 32_768
"""Where Linux begins with the ports of clients, and of servers that ask for any."""


def test_no_port_comes_twice() -> None:
    """A broker has three before it starts: alike, they ended its start one time in thousands."""
    given = [free_port() for _ in range(5_000)]

    assert len(set(given)) == len(given)
    assert max(given) < _FIRST_OF_CLIENTS


def test_a_port_that_is_taken_is_passed_over() -> None:
    """By a server over TCP or UDP; ports that are wanted together are all free."""
    following = free_port() + 2
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket(type=kind) as taken:
            taken.bind((LOCALHOST, following))
            ports = {port + more for port in (free_port(2), free_port(2)) for more in (0, 1)}
        assert following not in ports
        assert len(ports) == 4
        following = max(ports) + 2


def test_a_server_that_dies_within_its_answer_does_not_answer() -> None:
    """A worker that is killed is asked again, wherever it was in its answer."""
    head = b"HTTP/1.1 200 OK\r\n"
    for beginning in (
        b"",
        head + b"Transfer-Encoding: chunked\r\n\r\n9\r\nhalf",
        head + b"Content-Length: 9\r\n\r\nhalf",
    ):
        with socket.create_server((LOCALHOST, 0)) as server:
            dying = Thread(target=_answer_once, args=(server, beginning))
            dying.start()
            with pytest.raises(ConnectionError):
                call(server.getsockname()[1], "/metrics")
            dying.join()


def _answer_once(server: socket.socket, beginning: bytes) -> None:
    connection, _ = server.accept()
    with connection:
        connection.recv(4096)
        connection.sendall(beginning)
