"""Dead letters as Kafka messages, on their way: the payload as it came, headers say why and whence.

Flows that could not be counted have no offset of their own: the header `of` is then "flow", and
`offset` the last one of their batch. It is "part" where the topic does not take the message as a
whole: the letter has its first bytes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple

from aiokafka.errors import MessageSizeTooLargeError

from pipeline import limits
from pipeline.kafka.batch import Batch, TopicPartition
from pipeline.kafka.connection import BrokerError
from pipeline.plan.outcome import Reject

_LARGEST = 16 * 1024 * 1024
_MOST_BYTES = 64 * 1024 * 1024
_PART_BYTES = 512 * 1024  # brokers take messages of 1 MB unless told otherwise

Headers = list[tuple[str, bytes]]
PART = ("of", b"part")
"""The header, then the last one, of a letter that has a part of its message."""
Send = Callable[[bytes, Headers], Awaitable[Awaitable[Any]]]
"""Hands a payload with headers to the client; what it gives is done when they are durable."""


def headers(letter: Reject, where: TopicPartition, batch: Batch) -> Headers:
    """The headers of a letter from a batch of a partition."""
    whole = letter.index >= 0
    texts = {
        "reason": letter.reason,
        "stage": letter.stage,
        "topic": where.topic,
        "partition": str(where.partition),
        "offset": str(batch.offset(letter.index) if whole else batch.end - 1),
        "of": "message" if whole else "flow",
    }
    return [(name, text.encode()) for name, text in texts.items()]


def shortened(payload: bytes, given: Headers) -> tuple[bytes, Headers]:
    """A letter of the first bytes alone, and its headers."""
    return payload[:_PART_BYTES], [*(header for header in given if header[0] != "of"), PART]


class Sent(NamedTuple):
    """A letter, and what is done when it is durable."""

    done: Awaitable[Any]
    payload: bytes
    headers: Headers


class DlqProducer:
    """Keeps letters until they are durable: of a topic that refuses large ones, it takes a part."""

    def __init__(self, topic: str, send: Send) -> None:
        self._topic = topic
        self._send = send
        self._sent: list[Sent] = []
        self._bytes = 0

    async def put(self, payload: bytes, headers: Headers) -> None:
        """Send a letter; when much is on its way, wait for it first. Raises KafkaError."""
        if self._bytes > _MOST_BYTES:
            limits.reached(
                f"more than {_MOST_BYTES >> 20} MiB of dead letters are on their way",
                f"counting waits for topic {self._topic}",
            )
            await self.arrived(self.take())
        if len(payload) > _LARGEST:
            payload, headers = self._shortened(payload, headers)
        self._sent.append(Sent(await self._send(payload, headers), payload, headers))
        self._bytes += len(payload)

    def take(self) -> list[Sent]:
        """Everything put since the last time."""
        sent, self._sent, self._bytes = self._sent, [], 0
        return sent

    async def arrived(self, letters: Sequence[Sent]) -> None:
        """Return when they are durable. Raises KafkaError when the topic does not take them."""
        results = await asyncio.gather(*(one.done for one in letters), return_exceptions=True)
        large = []
        for one, result in zip(letters, results, strict=True):
            if isinstance(result, MessageSizeTooLargeError) and one.headers[-1] != PART:
                large.append(self._shortened(one.payload, one.headers))
            elif isinstance(result, MessageSizeTooLargeError):
                raise BrokerError(
                    f"topic {self._topic} refuses even parts of messages: raise its "
                    "max.message.bytes"
                )
            elif isinstance(result, BaseException):
                raise result
        if large:
            again = [Sent(await self._send(*letter), *letter) for letter in large]
            await self.arrived(again)

    def _shortened(self, payload: bytes, headers: Headers) -> tuple[bytes, Headers]:
        limits.reached(
            f"messages are too large for the dead letters in topic {self._topic}",
            f"the first {_PART_BYTES >> 10} KiB of them are kept",
        )
        return shortened(payload, headers)
