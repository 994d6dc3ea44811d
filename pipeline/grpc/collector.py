"""The service that takes flows: each call waits until its flows are durable, and all are bounded.

Calls arrive in an event loop of a thread of its own; one other thread takes them and settles them.
A sender waits while there is no room, which is what slows it down; what cannot even wait is
answered with RESOURCE_EXHAUSTED. Imported when a server starts: grpc is slow to import.
"""

from __future__ import annotations

import asyncio
import queue
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import NamedTuple

import grpc
from grpc import aio

from pipeline import limits
from pipeline.grpc.call import Answer, Call
from pipeline.grpc.server import Method

_EXHAUSTED, _UNAVAILABLE = grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.UNAVAILABLE
_STOPPING = Answer(_UNAVAILABLE, "the server stops: the flows were not counted")

Split = Callable[[bytes], tuple[list[bytes], str]]
"""A message to its flows, and "" or why it is not one: then it is one payload, to be rejected."""


class Room(NamedTuple):
    """How much may wait: messages that were not taken yet, and bytes of all that have no answer."""

    messages: int
    bytes: int


class Collector:
    """The calls under way. `send` is for the event loop, `take` and `settle` for the other thread.

    `name` is what the log calls it; `arrived` is called in the event loop with each call.
    """

    def __init__(
        self, name: str, split: Split, room: Room, arrived: Callable[[], object] = lambda: None
    ) -> None:
        self._name = name
        self._split = split
        self._room = room
        self._tell = arrived
        self._bytes = 0
        self._free = asyncio.Semaphore(room.messages)
        self._arrived: queue.SimpleQueue[Call] = queue.SimpleQueue()
        self._open: set[Call] = set()
        self._closed = False

    async def send(self, request: bytes, context: aio.ServicerContext[bytes, bytes]) -> bytes:
        """Answer when the flows are durable; an empty message has none. The reply is empty."""
        answer = await self._taken(request) if request else Answer()
        if answer.code is not grpc.StatusCode.OK:
            await context.abort(answer.code, answer.reason)
        return b""

    async def _taken(self, request: bytes) -> Answer:
        if self._closed:
            return _STOPPING
        if self._bytes + len(request) > self._room.bytes:
            limit = f"{self._name}: {self._room.bytes} bytes of messages wait (max_waiting_bytes)"
            limits.reached(limit, "senders are answered with RESOURCE_EXHAUSTED")
            return Answer(_EXHAUSTED, "too many bytes of messages wait for the pipeline")
        payloads, fault = self._split(request)
        invalid = Answer(grpc.StatusCode.INVALID_ARGUMENT, fault)
        call = Call(payloads, len(request), invalid if fault else Answer())
        self._bytes += call.size
        self._open.add(call)
        try:
            return await self._queued(call)
        finally:
            self._bytes -= call.size
            self._open.discard(call)

    async def _queued(self, call: Call) -> Answer:
        """Wait for room, then for the answer."""
        await self._free.acquire()
        if self._closed:
            return _STOPPING
        self._arrived.put(call)
        self._tell()
        return await call.ended()

    @property
    def methods(self) -> Mapping[str, Mapping[str, Method]]:
        """The service of the agents."""
        return {"pbflow.Collector": {"Send": self.send}}

    def take(self, payloads: int) -> list[Call]:
        """The calls that have arrived, up to so many payloads."""
        taken: list[Call] = []
        count = 0
        with suppress(queue.Empty):
            while count < payloads:
                call = self._arrived.get_nowait()
                call.loop.call_soon_threadsafe(self._free.release)
                taken.append(call)
                count += len(call.payloads)
        return [call for call in taken if not call.given_up]

    def settle(self, calls: Iterable[Call]) -> None:
        """The flows of these calls are durable: answer."""
        for call in calls:
            call.loop.call_soon_threadsafe(call.end, call.answer)

    def close(self) -> None:
        """Answer what has no answer yet: it was not counted. In the event loop."""
        self._closed = True
        for call in self._open:
            call.end(_STOPPING)
            self._free.release()
