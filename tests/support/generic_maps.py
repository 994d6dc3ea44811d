"""A real gRPC server of `genericmap.Collector`, as the netobserv CLI has one."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import grpc
from google.protobuf import any_pb2, wrappers_pb2

Answer = Callable[[int, str], grpc.StatusCode]
"""The status of the call with this number (from 0) and flow."""


class Received:
    """The flows that were answered with OK, and how many calls there were; any thread may ask."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._lock = threading.Lock()
        self.flows: list[str] = []
        self.calls = 0
        self.port = 0

    def send(self, request: bytes, context: grpc.ServicerContext) -> bytes:
        """Take a `genericmap.Flow`."""
        inner = wrappers_pb2.BytesValue.FromString(request).value
        flow = any_pb2.Any.FromString(inner).value.decode()
        with self._lock:
            code = self._answer(self.calls, flow)
            self.calls += 1
            if code is grpc.StatusCode.OK:
                self.flows.append(flow)
        if code is not grpc.StatusCode.OK:
            context.abort(code, "not this one")
        return b""


def ok(_number: int, _flow: str) -> grpc.StatusCode:
    """Every flow is taken."""
    return grpc.StatusCode.OK


@contextmanager
def collector(
    answer: Answer = ok, port: int = 0, credentials: grpc.ServerCredentials | None = None
) -> Iterator[Received]:
    """A server on a port of this machine, to the end of the context."""
    received = Received(answer)
    method: Any = grpc.unary_unary_rpc_method_handler(received.send)
    handler = grpc.method_handlers_generic_handler("genericmap.Collector", {"Send": method})
    server = grpc.server(ThreadPoolExecutor(8), options=[("grpc.so_reuseport", 0)])
    server.add_generic_rpc_handlers([handler])
    address = f"127.0.0.1:{port}"
    if credentials is None:
        received.port = server.add_insecure_port(address)
    else:
        received.port = server.add_secure_port(address, credentials)
    server.start()
    try:
        yield received
    finally:
        server.stop(None).wait()
