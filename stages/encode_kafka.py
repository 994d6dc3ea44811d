"""Flows to a Kafka topic, one a message (docs/reference/flowlogs-pipeline.md#kafka-encode)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import repeat
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import polars as pl
from msgspec import Meta

from pipeline.diagnostics import Problem
from pipeline.flows.conversation import conversations
from pipeline.flows.jsonl import json_column
from pipeline.kafka import connection
from pipeline.kafka.connection import Connection, Sasl, Tls, Topic
from pipeline.kafka.publication import Keyed, Publication
from pipeline.stage import BuildContext, Example, Fields, Sink, Writer

_keyed = partial(tuple.__new__, Keyed)
"""`Keyed._make` without a call of Python for each record."""

_Name = Annotated[str, Meta(min_length=1)]


class EncodeKafka(Writer, frozen=True, kw_only=True, tag="encode_kafka"):
    """Publish each flow as a message, for another pipeline or anyone else to consume.

    `format` is `json`, an object of the flow's fields with its keys sorted, or `protobuf`, a
    message of docs/flow.proto that `decoder: flowmatrix` reads. With `key: conversation` both
    directions of a conversation reach the same partition: the key is the sorted pair of addresses,
    as the agents write it; with `none` messages have no key. `compression` is the codec of the
    batches. A batch's position is kept when all in-sync replicas have its messages: none is lost,
    and those of the batch under way come again after a crash.
    """

    example: ClassVar[Example] = Example(
        config="""
            - name: again
              type: encode_kafka
              follows: flows
              brokers: ["localhost:9092"]
              topic: enriched-flows
              key: none
        """,
        flows='{"SrcAddr": "10.128.0.14", "Bytes": 840, "TimeReceived": 1700000000}',
        output='{"Bytes":840,"SrcAddr":"10.128.0.14","TimeReceived":1700000000}',
    )

    brokers: Annotated[list[_Name], Meta(min_length=1)]
    topic: Annotated[Topic, Meta(min_length=1)]
    format: Literal["json", "protobuf"] = "json"
    key: Literal["conversation", "none"] = "conversation"
    compression: Literal["none", "gzip", "snappy", "lz4", "zstd"] = "none"
    tls: Tls | None = None
    sasl: Sasl | None = None

    sink: ClassVar[Sink] = Sink.KAFKA

    def reads(self) -> Fields | None:
        return None

    def check(self, folder: Path) -> Iterator[Problem]:
        for index, broker in enumerate(self.brokers):
            try:
                connection.address(broker)
            except ValueError as error:
                yield Problem(("brokers", index), str(error), "for example localhost:9092")
        yield from connection.check(self.tls, self.sasl, folder)

    def publication(self, folder: Path) -> Publication:
        return Publication(
            connection=Connection(
                brokers=tuple(self.brokers), tls=self.tls, sasl=self.sasl, folder=str(folder)
            ),
            topic=self.topic,
            compression=self.compression,
        )

    def build(self, context: BuildContext) -> Callable[[pl.DataFrame], Sequence[Keyed]]:
        encode = _json if self.format == "json" else _protobuf()

        def write(flows: pl.DataFrame) -> list[Keyed]:
            keys = repeat(None) if self.key == "none" else conversations(flows).to_list()
            return list(map(_keyed, zip(keys, encode(flows), strict=False)))

        return write


def _protobuf() -> Callable[[pl.DataFrame], list[bytes]]:
    from pipeline.flows.protobuf import protobuf  # noqa: PLC0415 - slow, for this format alone

    return protobuf


def _json(flows: pl.DataFrame) -> list[bytes]:
    return json_column(flows).cast(pl.Binary).to_list()
