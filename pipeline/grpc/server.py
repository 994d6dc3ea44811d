"""A gRPC server in a thread of its own. Imported when a server starts: grpc is slow to import."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from types import TracebackType
from typing import Any, NamedTuple, Protocol, Self

import grpc
from grpc import aio

_GRACE = 1.0  # seconds in which calls under way get their answers at the end
_SERVING = b"\x08\x01"
"""`grpc.health.v1.HealthCheckResponse` with status SERVING."""

Method = Callable[[bytes, Any], Awaitable[bytes]]
"""What answers a call, in bytes: a message in, a message out."""


class Service(Protocol):
    """What a server serves."""

    @property
    def methods(self) -> Mapping[str, Mapping[str, Method]]:
        """The methods by service and name; they are called in the event loop of the server."""

    def close(self) -> None:
        """The server ends; called in its event loop."""


class Limits(NamedTuple):
    """What a server takes: bytes of a message, calls and connections at the same time."""

    message_bytes: int
    calls: int
    connections: int


class Server:
    """A server that listens from `__enter__` to `__exit__`.

    Without `credentials` it speaks plain text.
    """

    def __init__(
        self,
        listen: str,
        limits: Limits,
        service: Service,
        credentials: grpc.ServerCredentials | None = None,
    ) -> None:
        self._listen = listen
        self._limits = limits
        self._service = service
        self._credentials = credentials
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="grpc", daemon=True)
        self._server: aio.Server | None = None
        self.port = 0

    def __enter__(self) -> Self:
        """Raises OSError when the address is not free."""
        self._thread.start()
        try:
            self._run(self._start())
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._run(self._stop())
        self._end()

    async def _start(self) -> None:
        server = aio.server(options=self._options(), maximum_concurrent_rpcs=self._limits.calls)
        services = {**self._service.methods, "grpc.health.v1.Health": {"Check": _check}}
        server.add_generic_rpc_handlers([_handler(*service) for service in services.items()])
        try:
            if self._credentials is None:
                self.port = server.add_insecure_port(self._listen)
            else:
                self.port = server.add_secure_port(self._listen, self._credentials)
        except RuntimeError as error:
            raise OSError(f"cannot listen on {self._listen}: {error}") from error
        self._server = server
        await server.start()

    async def _stop(self) -> None:
        self._service.close()
        if self._server is not None:
            await self._server.stop(_GRACE)

    def _options(self) -> list[tuple[str, int]]:
        """Channel arguments: no second process on the port, and peers that are gone are noticed."""
        return [
            ("grpc.so_reuseport", 0),
            ("grpc.max_receive_message_length", self._limits.message_bytes),
            ("grpc.max_allowed_incoming_connections", self._limits.connections),
            ("grpc.server_handshake_timeout_ms", 10_000),
            ("grpc.keepalive_time_ms", 60_000),
            ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
        ]

    def _run(self, work: Any) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def _end(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        with suppress(RuntimeError):
            self._loop.close()


def _handler(service: str, methods: Mapping[str, Method]) -> grpc.GenericRpcHandler:
    handlers: dict[str, grpc.RpcMethodHandler[bytes, bytes]] = {
        name: grpc.unary_unary_rpc_method_handler(method) for name, method in methods.items()
    }
    return grpc.method_handlers_generic_handler(service, handlers)


async def _check(_request: bytes, _context: object) -> bytes:
    """The health of every service: it serves."""
    return _SERVING
