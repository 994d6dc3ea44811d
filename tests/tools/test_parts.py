"""Free ports of the tests' servers: no two alike, and none that a client's connection may have."""

from __future__ import annotations

import socket

from tests.real.parts import LOCALHOST, free_port

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
