"""Requests and answers on the connections of a server. Imported when a server starts: it is slow.

aiohttp reads and writes HTTP; what it has no limits for (a request that never ends, a caller that
never reads) is bounded by `pipeline.api.callers`.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
from collections.abc import Callable, Hashable
from contextlib import suppress
from http import HTTPStatus
from itertools import count
from typing import Any, cast
from urllib.parse import parse_qsl

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.streams import StreamReader

from pipeline.api.access import Access, Asked
from pipeline.api.answer import Answer, failure
from pipeline.api.callers import Caller, Callers, Limits, Wait
from pipeline.api.making import BusyError, Makings
from pipeline.api.server import Answers
from pipeline.api.tls import Tls

_log = logging.getLogger(__name__)
_PIECE = 65_536
_PARAMETERS = 100
_AT_A_TIME = 32
"""Connections taken before what is asked on the others is looked at."""
_ROUND = 0.01
"""Seconds after which it is looked again whether there is a place for whoever comes."""
_AT_ONCE = struct.pack("ii", 1, 0)
_GRACE = 2.0
"""Seconds that requests under way get when the server ends."""
_LAST = 0.05
"""Seconds for what was written to be sent."""
_HEADERS = {
    "Server": "flowmatrix",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Vary": "Accept-Encoding",
}


class Connection(web.RequestHandler):
    """A connection that says what it waits for."""

    __slots__ = ("_callers", "caller")

    def __init__(self, caller: Caller, callers: Callers, server: web.Server, **limits: Any) -> None:
        super().__init__(server, loop=asyncio.get_running_loop(), **limits)
        self.caller = caller
        self._callers = callers

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection stands."""
        self.caller.drop = lambda: _abort(cast("asyncio.Transport", transport))
        self.caller.to(Wait.FIRST)
        super().connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """A request begins, or goes on."""
        if data and self.caller.wait in {Wait.FIRST, Wait.NEXT}:
            self.caller.to(Wait.HEAD)
        super().data_received(data)

    def connection_lost(self, exc: BaseException | None) -> None:
        """The connection has ended."""
        self._callers.leave(self.caller)
        super().connection_lost(exc)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """The answer to what is not a request."""
        _log.debug("%s: %s", request.remote, exc)
        answer = failure(HTTPStatus(status), "it is not a request of HTTP/1.1 that can be read")
        response = web.Response(
            status=status, body=answer.body, headers={**_HEADERS, "Content-Type": answer.kind}
        )
        response.force_close()
        return response


async def _next(listener: socket.socket) -> tuple[socket.socket, tuple[Any, ...]]:
    """The next connection. Raises OSError.

    The loop's own way loses, and leaves open, one that comes as it is cancelled.
    """
    while True:
        try:
            connection, address = listener.accept()
        except BlockingIOError:
            await _comes(listener)
        else:
            connection.setblocking(False)
            return connection, address


async def _comes(listener: socket.socket) -> None:
    """Wait until somebody comes."""
    loop, come = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(listener, come.set)
    try:
        await come.wait()
    finally:
        loop.remove_reader(listener)


def _packed(request: web.BaseRequest) -> bool:
    """Whether who asks takes gzip."""
    return "gzip" in request.headers.get("Accept-Encoding", "")


def _abort(transport: asyncio.Transport) -> None:
    """End a connection, and with it what the kernel holds for a caller that does not read."""
    if connection := transport.get_extra_info("socket"):
        with suppress(OSError):
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
    transport.abort()


def serve(
    answers: Answers,
    access: Access,
    limits: Limits,
    *,
    listener: socket.socket,
    tls: Tls | None,
    tell: Callable[[Callable[[], object]], None],
) -> None:
    """Answer until what `tell` is told is called, by any thread."""

    async def run() -> None:
        loop, end = asyncio.get_running_loop(), asyncio.Event()
        tell(lambda: loop.call_soon_threadsafe(end.set))
        await Service(answers, access, limits, tls).run(listener, end)

    asyncio.run(run())


class Service:
    """Answers requests; to be made and run in one event loop."""

    def __init__(
        self, answers: Answers, access: Access, limits: Limits, tls: Tls | None = None
    ) -> None:
        self._tls = tls
        self._answers = answers
        self._access = access
        self._limits = limits
        self._callers = Callers(limits)
        self._most_answers = limits.connections // 2
        """Callers who wait for answers; beyond it documents are not made, which may take long."""
        self._server = web.Server(self._handle, request_factory=self._request)
        self._metrics = Makings[Answer](threads=1, queue=16, each=4)
        self._probes = Makings[Answer](threads=1, queue=4, each=4)
        self._documents = Makings[Answer](threads=4, queue=32, each=24)
        self._actions = Makings[Answer](threads=1, queue=8, each=8)
        self._done = 0

    async def run(self, listener: socket.socket, end: asyncio.Event) -> None:
        """Answer until `end` is set, and what is under way then for a moment longer."""
        listener.setblocking(False)
        if hasattr(socket, "TCP_DEFER_ACCEPT"):  # who says nothing stays with the kernel
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, int(self._limits.head))
        tasks = [asyncio.create_task(self._accept(listener))]
        tasks.append(asyncio.create_task(self._sweep()))
        await end.wait()
        for task in tasks:
            task.cancel()
        self._server.pre_shutdown()
        await self._server.shutdown(_GRACE)
        await asyncio.sleep(_LAST)
        self._callers.drop_all()
        await asyncio.sleep(0)  # the sockets are closed in the next round of the loop
        await asyncio.sleep(0)

    async def _accept(self, listener: socket.socket) -> None:
        connecting = set[asyncio.Task[None]]()
        for number in count(1):
            try:
                connection, address = await _next(listener)
            except OSError as error:  # no file descriptor is left
                _log.warning("a connection is not taken: %s", error.strerror)
                await asyncio.sleep(0.1)
                continue
            caller = await self._place(connection, str(address[0]))
            task = asyncio.create_task(self._connect(connection, caller))
            connecting.add(task)
            task.add_done_callback(connecting.discard)
            if number % _AT_A_TIME == 0:  # a flood of them holds up no answer
                await asyncio.sleep(0)
                self._callers.turned()

    async def _place(self, connection: socket.socket, peer: str) -> Caller:
        """The place of a connection, as soon as there is one; the others wait with the kernel."""
        try:
            while (caller := self._callers.admit(peer, connection.close)) is None:
                await asyncio.sleep(_ROUND)
                self._callers.turned()
        except asyncio.CancelledError:
            connection.close()
            raise
        return caller

    async def _connect(self, connection: socket.socket, caller: Caller) -> None:
        if task := asyncio.current_task():
            caller.drop = task.cancel
        context = self._tls.context() if self._tls else None
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: self._connection(caller),
                connection,
                ssl=context,
                ssl_handshake_timeout=self._limits.handshake if context else None,
            )
        except OSError as error:
            _log.debug("no connection: %s", error)
        finally:
            if caller.wait is Wait.HANDSHAKE:
                self._callers.leave(caller)
                connection.close()

    def _connection(self, caller: Caller) -> Connection:
        return Connection(
            caller,
            self._callers,
            self._server,
            keepalive_timeout=self._limits.idle,
            lingering_time=1.0,
            auto_decompress=False,
            access_log=None,
            logger=_log,
        )

    def _request(
        self,
        message: Any,
        payload: StreamReader,
        protocol: web.RequestHandler,
        writer: AbstractStreamWriter,
        task: asyncio.Task[None],
    ) -> web.BaseRequest:
        loop, most = asyncio.get_running_loop(), self._limits.largest_body
        return web.BaseRequest(message, payload, protocol, writer, task, loop, client_max_size=most)

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(0.5)
            self._callers.sweep()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        caller = cast("Connection", request.protocol).caller
        caller.to(Wait.ANSWER)
        try:
            try:
                answer = await self._answer(request, caller)
            except BusyError:
                why = "too much is asked at once"
                answer = failure(HTTPStatus.SERVICE_UNAVAILABLE, why, Retry_After="2")
            except Exception as error:  # noqa: BLE001 - a failed page must not end the server
                _log.debug("%s", request.path, exc_info=error)
                answer = failure(HTTPStatus.INTERNAL_SERVER_ERROR, str(error))
            return await self._send(request, caller, answer)
        finally:
            caller.body = b""
            caller.to(Wait.NEXT)

    async def _answer(self, request: web.BaseRequest, caller: Caller) -> Answer:
        path, peer = request.rel_url.raw_path, request.remote or ""
        if request.method not in {"GET", "HEAD", "POST"}:
            why = f"{request.method} is not answered"
            return failure(HTTPStatus.METHOD_NOT_ALLOWED, why, Allow="GET, HEAD, POST")
        verified = bool(request.get_extra_info("peercert"))
        asked = Asked(request.method, path, peer, request.headers, verified)
        if denied := self._access.denied(asked):
            return denied
        if request.method == "POST":
            return await self._act(request, caller, path, peer)
        answer = self._answers.at_once(path) or await self._made(request, path, peer)
        if answer.unchanged(request.headers.get("If-None-Match", "")):
            headers = {**answer.headers, "ETag": answer.tag}
            return Answer(HTTPStatus.NOT_MODIFIED, answer.kind, b"", headers=headers)
        packed = answer.large and _packed(request) and "Content-Encoding" not in answer.headers
        if packed or answer.packed:
            what = packed, answer.tag or id(answer.body)
            form = answer.compressed if packed else answer.plain
            return await self._makings(path).make(what, peer, form)
        return answer

    def _makings(self, path: str) -> Makings[Answer]:
        kinds = {"/metrics": self._metrics, "/readyz": self._probes, "/ready": self._probes}
        return kinds.get(path, self._documents)

    async def _made(self, request: web.BaseRequest, path: str, peer: str) -> Answer:
        text = request.rel_url.raw_query_string
        try:
            query = parse_qsl(text, max_num_fields=_PARAMETERS)
        except ValueError:
            why = f"a query has no more than {_PARAMETERS} parameters"
            return failure(HTTPStatus.BAD_REQUEST, why)
        packed = _packed(request)
        what: Hashable = path, tuple(query), self._done, packed and path == "/metrics"
        makings = self._makings(path)
        if makings is self._documents and self._callers.waiting(Wait.ANSWER) > self._most_answers:
            raise BusyError
        return await makings.make(what, peer, lambda: self._answers.get(path, query, packed=packed))

    async def _act(self, request: web.BaseRequest, caller: Caller, path: str, peer: str) -> Answer:
        if not self._answers.acts(path):
            return failure(HTTPStatus.METHOD_NOT_ALLOWED, "it takes no POST", Allow="GET, HEAD")
        caller.to(Wait.BODY)
        try:
            body = await request.read()
        except web.HTTPRequestEntityTooLarge:
            why = f"a body has no more than {self._limits.largest_body >> 20} MB"
            return failure(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, why, Connection="close")
        caller.to(Wait.ANSWER)
        self._done += 1
        number = self._done
        return await self._actions.make(number, peer, lambda: self._answers.post(path, body))

    async def _send(
        self, request: web.BaseRequest, caller: Caller, answer: Answer
    ) -> web.StreamResponse:
        headers = {**_HEADERS, "Content-Type": answer.kind, **answer.headers}
        if answer.tag:
            headers["ETag"] = answer.tag
        response = web.StreamResponse(status=answer.status, headers=headers)
        if self._tls and request.get_extra_info("sslcontext") is not self._tls.context():
            response.force_close()  # the next request is held to the new certificates
        if answer.status is not HTTPStatus.NOT_MODIFIED:
            response.content_length = len(answer.body)
        body = b"" if request.method == "HEAD" else answer.body
        caller.body = body
        try:
            caller.to(Wait.READING)
            await response.prepare(request)
            for start in range(0, len(body), _PIECE):
                caller.to(Wait.READING)
                await response.write(memoryview(body)[start : start + _PIECE])
            await response.write_eof()
        except ConnectionError:
            _log.debug("%s has gone before the end of its answer", request.remote)
        return response
