"""The server: what it takes, and that it has its port alone."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

import grpc
import pytest

from pipeline.grpc.server import Limits, Method, Server
from tests.support.agents import agent

WIDE = Limits(1 << 20, 1000, 1000)


class Echo:
    """A service that answers with the length of the message."""

    closed = False

    @property
    def methods(self) -> Mapping[str, Mapping[str, Method]]:
        return {"pbflow.Collector": {"Send": self._send}}

    async def _send(self, request: bytes, _context: Any) -> bytes:
        return str(len(request)).encode()

    def close(self) -> None:
        self.closed = True


def test_it_answers_until_its_end() -> None:
    echo = Echo()
    with Server("127.0.0.1:0", WIDE, echo) as server, agent(server.port) as sender:
        assert sender.send(b"four") == b"4"
        assert sender.health() == b"\x08\x01"
        assert not echo.closed
    assert echo.closed
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
