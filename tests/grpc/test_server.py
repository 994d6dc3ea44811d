"""The server: what it takes, and that it has its port alone."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Mapping
from contextlib import ExitStack
from random import Random
from typing import Any

import grpc
import pytest

from pipeline.grpc.server import Limits, Method, Server
from tests.support.agents import agent

WIDE = Limits(1 << 20, 1000, 1000)


class Echo:
    """A service that answers with the length of the message, to "wait" at the end."""

    def __init__(self) -> None:
        self.closed = asyncio.Event()

    @property
    def methods(self) -> Mapping[str, Mapping[str, Method]]:
        return {"pbflow.Collector": {"Send": self._send}}

    async def _send(self, request: bytes, _context: Any) -> bytes:
        if request == b"wait":
            await self.closed.wait()
        return str(len(request)).encode()

    def close(self) -> None:
        self.closed.set()


def test_it_answers_until_its_end() -> None:
    echo = Echo()
    with Server("127.0.0.1:0", WIDE, echo) as server, agent(server.port) as sender:
        assert sender.send(b"four") == b"4"
        assert sender.health() == b"\x08\x01"
        assert not echo.closed.is_set()
    assert echo.closed.is_set()
    assert "grpc" not in {thread.name for thread in threading.enumerate()}


def test_another_method_is_not_there() -> None:
    with (
        Server("127.0.0.1:0", WIDE, Echo()) as server,
        grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel,
    ):
        other: grpc.UnaryUnaryMultiCallable[bytes, bytes]
        other = channel.unary_unary("/pbflow.Collector/Other")
        with pytest.raises(grpc.RpcError) as error:
            other(b"", timeout=60, wait_for_ready=True)
    assert error.value.code() is grpc.StatusCode.UNIMPLEMENTED


def test_a_port_is_of_one_server() -> None:
    """Two workers on a port would each take a part of the calls, unseen."""
    with Server("127.0.0.1:0", WIDE, Echo()) as server:
        listen = f"127.0.0.1:{server.port}"
        second = Server(listen, WIDE, Echo())
        with pytest.raises(OSError, match=f"cannot listen on {listen}"), second:
            pass


def test_a_message_that_is_too_large_is_not_taken() -> None:
    with (
        Server("127.0.0.1:0", Limits(1000, 10, 10), Echo()) as server,
        agent(server.port) as sender,
    ):
        assert sender.send(b"x" * 1000) == b"1000"
        code, reason = sender.status(b"x" * 1001)
        assert code is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert "1001 vs. 1000" in reason
        assert sender.send(b"x") == b"1"


def test_calls_beyond_the_limit_are_sent_back() -> None:
    with Server("127.0.0.1:0", Limits(1000, 3, 10), Echo()) as server, agent(server.port) as sender:
        assert sender.send(b"one") == b"3"
        waiting = [sender.begin(b"wait") for _ in range(5)]
        deadline = time.monotonic() + 60
        while sum(call.done() for call in waiting) < 2:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        codes = [call.code() for call in waiting if call.done()]
        assert codes == [grpc.StatusCode.RESOURCE_EXHAUSTED] * 2


def test_connections_beyond_the_limit_are_closed() -> None:
    """Those that have a place are answered with the settings of HTTP/2, the others with nothing."""
    with ExitStack() as stack:
        server = stack.enter_context(Server("127.0.0.1:0", Limits(1000, 10, 5), Echo()))
        sender = stack.enter_context(agent(server.port))
        assert sender.send(b"one") == b"3"
        others = [stack.enter_context(_connected(server)) for _ in range(20)]
        assert sum(map(_answered, others)) == 4
        assert sender.send(b"one") == b"3"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"GET /metrics HTTP/1.1\r\nHost: here\r\n\r\n",
        b"\x16\x03\x01" + bytes(300),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\xff" * 1000,
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9) + Random(1).randbytes(1000),
    ],
)
def test_what_is_not_grpc_disturbs_nobody(data: bytes) -> None:
    with Server("127.0.0.1:0", WIDE, Echo()) as server, agent(server.port) as sender:
        with _connected(server) as connection:
            connection.sendall(data)
            assert sender.send(b"one") == b"3"
        assert sender.send(b"four") == b"4"


def _connected(server: Server) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port))


def _answered(connection: socket.socket) -> bool:
    try:
        connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4" + bytes(5))
        return connection.recv(1000) != b""
    except ConnectionError:
        return False
