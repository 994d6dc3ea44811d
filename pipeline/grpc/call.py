"""A call of a sender, and how it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

import grpc


class Answer(NamedTuple):
    """The status of a call. With OK the flows are the receiver's from now on."""

    code: grpc.StatusCode = grpc.StatusCode.OK
    reason: str = ""


class Call:
    """A message with flows; its sender waits for the answer. Made in the event loop.

    `payloads` are its flows. `answer` is what the sender is told when they are durable: a message
    that is not one is rejected, and kept with the others that are.
    """

    def __init__(self, payloads: Sequence[bytes], size: int, answer: Answer) -> None:
        self.payloads = payloads
        self.size = size
        self.answer = answer
        self.given_up = False
        self.loop = asyncio.get_running_loop()
        self._ended: asyncio.Future[Answer] = self.loop.create_future()

    async def ended(self) -> Answer:
        """The answer, when there is one; a sender that gives up earlier is told nothing."""
        try:
            return await self._ended
        finally:
            self.given_up = True

    def end(self, answer: Answer) -> None:
        """Answer the sender; only the first answer counts."""
        if not self._ended.done():
            self._ended.set_result(answer)
