"""What a broker knows of topics: their ids, and what this client may do with them.

aiokafka's own metadata request (version 5) has neither. An id tells a topic from one of the same
name that was made after it was deleted. Brokers before 2.8 have no ids.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from io import BytesIO
from typing import Any, ClassVar, Literal, NamedTuple, Protocol, TypeAlias

from aiokafka.client import ConnectionGroup
from aiokafka.errors import for_code
from aiokafka.protocol.abstract import AbstractType
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.metadata import MetadataRequest_v5
from aiokafka.protocol.types import (
    Boolean,
    CompactArray,
    CompactString,
    Int16,
    Int32,
    Schema,
    TaggedFields,
)

from pipeline.kafka.batch import TopicPartition

_WITH_IDS = 10
READ, WRITE = 1 << 3, 1 << 4
"""Bits of the operations that a client is authorized to."""
_UNKNOWN_TOPIC = 3


class Topic(NamedTuple):
    """A topic as a broker describes it. `topic_id` is "" where the broker has no ids.

    `error`: why it cannot be described, "" when it can; `operations`: what the client may do.
    """

    topic_id: str
    partitions: int
    replicas: int
    name: str = ""
    error: str = ""
    operations: int = READ | WRITE

    def problem(self, *needed: int) -> str:
        """Why the client cannot use it for these operations; "" when it can."""
        if self.error:
            return self.error
        said = {
            READ: f"not authorized to read topic {self.name}",
            WRITE: f"not authorized to write to topic {self.name}",
        }
        return "; ".join(said[operation] for operation in needed if not self.operations & operation)


class Client(Protocol):
    """aiokafka's AIOKafkaClient, as far as it is used here."""

    def get_random_node(self) -> int:
        """A broker that is known."""

    async def send(
        self, node_id: int, request: Any, *, group: ConnectionGroup = ConnectionGroup.DEFAULT
    ) -> Any:
        """The answer of a broker to a request, after those to others on this connection."""


class _Uuid(AbstractType[str]):
    @classmethod
    def encode(cls, value: str) -> bytes:
        return uuid.UUID(value).bytes

    @classmethod
    def decode(cls, data: BytesIO) -> str:
        return str(uuid.UUID(bytes=data.read(16)))


_Numbers = CompactArray(Int32)


class MetadataResponse(Response):
    """Version 10."""

    API_KEY: ClassVar[Literal[3]] = 3
    API_VERSION: ClassVar[Literal[10]] = 10
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "brokers",
            CompactArray(
                ("node_id", Int32),
                ("host", CompactString("utf-8")),
                ("port", Int32),
                ("rack", CompactString("utf-8")),
                ("tags", TaggedFields),
            ),
        ),
        ("cluster_id", CompactString("utf-8")),
        ("controller_id", Int32),
        (
            "topics",
            CompactArray(
                ("error_code", Int16),
                ("topic", CompactString("utf-8")),
                ("topic_id", _Uuid),
                ("is_internal", Boolean),
                (
                    "partitions",
                    CompactArray(
                        ("error_code", Int16),
                        ("partition", Int32),
                        ("leader", Int32),
                        ("leader_epoch", Int32),
                        ("replicas", _Numbers),
                        ("isr", _Numbers),
                        ("offline_replicas", _Numbers),
                        ("tags", TaggedFields),
                    ),
                ),
                ("authorized_operations", Int32),
                ("tags", TaggedFields),
            ),
        ),
        ("cluster_authorized_operations", Int32),
        ("tags", TaggedFields),
    )


class MetadataRequest_v10(RequestStruct):  # noqa: N801 - as aiokafka names its own
    """Version 10: with ids and operations."""

    FLEXIBLE_VERSION = True
    API_KEY = 3
    API_VERSION = _WITH_IDS
    RESPONSE_TYPE = MetadataResponse
    SCHEMA = Schema(
        (
            "topics",
            CompactArray(
                ("topic_id", _Uuid), ("name", CompactString("utf-8")), ("tags", TaggedFields)
            ),
        ),
        ("allow_auto_topic_creation", Boolean),
        ("include_cluster_authorized_operations", Boolean),
        ("include_topic_authorized_operations", Boolean),
        ("tags", TaggedFields),
    )


_Struct: TypeAlias = MetadataRequest_v5 | MetadataRequest_v10


class _Metadata(Request[_Struct]):
    API_KEY = 3

    def __init__(self, topics: Iterable[str]) -> None:
        self._topics = list(topics)

    def build(self, request_struct_class: type[_Struct]) -> _Struct:
        if request_struct_class is MetadataRequest_v10:
            named: list[tuple[Any, ...]] = [
                (str(uuid.UUID(int=0)), topic, {}) for topic in self._topics
            ]
            return MetadataRequest_v10(named, False, False, True, {})
        return request_struct_class(self._topics, False)


async def describe(
    client: Client,
    topics: Iterable[str],
    connection: ConnectionGroup = ConnectionGroup.DEFAULT,
) -> Mapping[str, Topic]:
    """These topics by name; one that is not there is left out. Raises KafkaError."""
    answer = await client.send(client.get_random_node(), _Metadata(topics), group=connection)
    found = {}
    for error_code, name, *rest in answer.topics:
        if error_code != _UNKNOWN_TOPIC:
            with_ids = answer.API_VERSION >= _WITH_IDS
            found[name] = _topic(
                error_code, name, *(rest if with_ids else ["", *rest, READ | WRITE])
            )
    return found


async def leaders(client: Client, topics: Iterable[str]) -> dict[TopicPartition, tuple[int, int]]:
    """The leaders of partitions, and their epochs; of brokers from 2.8 on. Raises KafkaError."""
    answer = await client.send(client.get_random_node(), _Metadata(topics))
    if answer.API_VERSION < _WITH_IDS:
        return {}
    return {
        TopicPartition(name, number): (leader, epoch)
        for _, name, _, _, partitions, *_ in answer.topics
        for error_code, number, leader, epoch, *_ in partitions
        if not error_code
    }


def _topic(
    error_code: int,
    name: str,
    topic_id: str,
    _internal: bool,  # noqa: FBT001 - as it stands in the answer
    partitions: list[tuple[Any, ...]],
    operations: int,
    *_: Any,
) -> Topic:
    error = ""
    if error_code:
        error = f"topic {name} cannot be described: {for_code(error_code).__name__}"
    replicas = len(partitions[0][-4 if topic_id else -3]) if partitions else 1
    return Topic(topic_id, len(partitions), replicas, name, error, operations)
