"""Where the newest leader of a partition began to write: a log that was cut ends there.

A leader that was chosen although it lacked messages, or that came back without what its disk had
not kept, gives their offsets to other messages. Source: KIP-101 and KIP-320.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, ClassVar, Literal, NamedTuple

from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import Array, Int16, Int32, Int64, Schema, String

from pipeline.kafka.batch import TopicPartition
from pipeline.kafka.metadata import Client, leaders

_CONSUMER, _ANY = -1, -1


class Newest(NamedTuple):
    """The offsets from which on the newest leader has written, and at which the log ends."""

    start: int
    end: int


def _topics(*partition: tuple[str, Any]) -> tuple[str, Array]:
    """The field with topics, and what is said of each of their partitions."""
    return "topics", Array(("topic", String("utf-8")), ("partitions", Array(*partition)))


class _Response(Response):
    API_KEY: ClassVar[Literal[23]] = 23
    API_VERSION: ClassVar[Literal[3]] = 3
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        _topics(
            ("error_code", Int16),
            ("partition", Int32),
            ("leader_epoch", Int32),
            ("end_offset", Int64),
        ),
    )


class _Request_v3(RequestStruct):  # noqa: N801 - as aiokafka names its own
    API_KEY = 23
    API_VERSION = 3
    RESPONSE_TYPE = _Response
    SCHEMA = Schema(
        ("replica_id", Int32),
        _topics(("partition", Int32), ("current_leader_epoch", Int32), ("leader_epoch", Int32)),
    )


class _OffsetForLeaderEpoch(Request[_Request_v3]):
    API_KEY = 23

    def __init__(self, epochs: Mapping[TopicPartition, int]) -> None:
        self._epochs = epochs

    def build(self, request_struct_class: type[_Request_v3]) -> _Request_v3:
        topics = [(w.topic, [(w.partition, _ANY, epoch)]) for w, epoch in self._epochs.items()]
        return request_struct_class(_CONSUMER, topics)


async def newest(
    client: Client, wheres: Collection[TopicPartition]
) -> dict[TopicPartition, Newest]:
    """What their leaders say of partitions; one of which nothing is known is left out.

    Raises KafkaError.
    """
    led = await leaders(client, {where.topic for where in wheres})
    found = {}
    for where in wheres:
        if where in led:
            leader, epoch = led[where]
            start = await _end(client, leader, where, epoch - 1)
            end = await _end(client, leader, where, epoch)
            if end >= 0:
                found[where] = Newest(start if 0 <= start <= end else end, end)
    return found


async def _end(client: Client, leader: int, where: TopicPartition, epoch: int) -> int:
    """The offset behind what leaders up to this epoch wrote; -1 where that is not known."""
    answer: Any = await client.send(leader, _OffsetForLeaderEpoch({where: epoch}))
    ((_, ((error, _, _, offset),)),) = answer.topics
    return -1 if error else int(offset)
