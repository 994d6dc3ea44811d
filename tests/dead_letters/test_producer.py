"""Letters on their way, with a topic that answers when the test says so."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any

import pytest
from aiokafka.errors import KafkaTimeoutError, MessageSizeTooLargeError

from pipeline import limits
from pipeline.dead_letters.producer import DlqProducer, Headers
from pipeline.kafka.connection import BrokerError

WHOLE: Headers = [("of", b"message"), ("reason", b"bad")]
LARGE = b"x" * (8 << 20)


class Topic:
    """Takes letters of up to `most` bytes; those that are held back are answered later."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.came: list[tuple[int, bytes]] = []
        self.held: list[asyncio.Future[None]] = []

    async def send(self, payload: bytes, headers: Headers) -> Awaitable[Any]:
        self.came.append((len(payload), dict(headers)["of"]))
        answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if len(payload) > self.most:
            answer.set_exception(MessageSizeTooLargeError())
        elif self.most == 0:
            answer.set_exception(KafkaTimeoutError())
        else:
            self.held.append(answer)
        return answer

    def answer(self) -> None:
        for future in self.held:
            future.set_result(None)
        self.held = []


def test_what_is_too_large_goes_in_part() -> None:
    async def letters() -> Topic:
        topic = Topic(1 << 20)
        outbox = DlqProducer("dead", topic.send)
        for payload in (b"small", LARGE, b"x" * (17 << 20)):
            await outbox.put(payload, WHOLE)
        arriving = asyncio.create_task(outbox.arrived(outbox.take()))
        while not arriving.done():
            await asyncio.sleep(0)
            topic.answer()
        arriving.result()
        return topic

    part = 512 << 10
    came = asyncio.run(letters()).came
    assert came == [(5, b"message"), (8 << 20, b"message"), (part, b"part"), (part, b"part")]
    said = "messages are too large for the dead letters in topic dead: the first 512 KiB of them"
    assert any(said in text for text in limits.in_effect())


@pytest.mark.parametrize(
    ("most", "error", "said"),
    [(100, BrokerError, "topic dead refuses even parts"), (0, KafkaTimeoutError, None)],
)
def test_what_is_refused_is_an_error(most: int, error: type[Exception], said: str | None) -> None:
    async def letters() -> None:
        outbox = DlqProducer("dead", Topic(most).send)
        await outbox.put(LARGE if most else b"", WHOLE)
        await outbox.arrived(outbox.take())

    with pytest.raises(error, match=said):
        asyncio.run(letters())


def test_it_waits_when_much_is_on_its_way() -> None:
    async def letters() -> None:
        topic = Topic(16 << 20)
        outbox = DlqProducer("dead", topic.send)
        for _ in range(9):
            await outbox.put(LARGE, WHOLE)
        waiting = asyncio.create_task(outbox.put(LARGE, WHOLE))
        await asyncio.sleep(0.05)
        assert not waiting.done()
        assert len(topic.came) == 9
        assert any("counting waits for topic dead" in text for text in limits.in_effect())
        topic.answer()
        await waiting
        assert len(topic.came) == 10
        assert len(outbox.take()) == 1

    asyncio.run(letters())
