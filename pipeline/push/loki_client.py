"""Lines to Loki, over HTTP: its protobuf (`logproto.PushRequest`) compressed with snappy."""

from __future__ import annotations

import time
from functools import cache
from pathlib import Path
from typing import Any

import cramjam
import polars as pl
from google.protobuf import descriptor_pb2, descriptor_pool, timestamp_pb2
from ptars import HandlerPool

from pipeline.flows.protobuf import messages
from pipeline.push.http_client import Client
from pipeline.push.loki import LINE, STREAM, TIME, Loki

PATH = "/loki/api/v1/push"

_FIELDS = {
    "Entry": (("timestamp", ".google.protobuf.Timestamp", False), ("line", "", False)),
    "Stream": (("labels", "", False), ("entries", ".logproto.Entry", True)),
    "PushRequest": (("streams", ".logproto.Stream", True),),
}
"""Names, types ("": text) and whether repeated; numbers are from 1."""


class LokiTarget:
    """A connection to a server of Loki. Raises UnavailableError."""

    def __init__(self, destination: Loki) -> None:
        self._client = Client(destination.http, Path(destination.folder), destination.timeout)
        self._url = destination.address.rstrip("/") + PATH
        self._headers = {"Content-Type": "application/x-protobuf"}
        if destination.tenant:
            self._headers["X-Scope-OrgID"] = destination.tenant

    def send(self, flows: pl.DataFrame) -> None:
        """Push a batch of lines. Raises UnavailableError and RejectedError."""
        body = bytes(cramjam.snappy.compress_raw(push_request(flows, time.time_ns())))
        self._client.post(self._url, body, self._headers)

    def close(self) -> None:
        """End the connection."""
        self._client.close()


def push_request(lines: pl.DataFrame, now: int) -> bytes:
    """A `logproto.PushRequest` of the lines: those of one stream together, in their order.

    `now` (ns) is the time of those that have none.
    """
    entry = pl.struct(
        timestamp=pl.col(TIME).fill_null(now).cast(pl.Datetime("ns")), line=pl.col(LINE)
    )
    streams = lines.group_by(STREAM, maintain_order=True).agg(entry.alias("entries"))
    each = pl.struct(labels=pl.col(STREAM), entries=pl.col("entries"))
    (body,) = messages(_handler(), streams.select(each.implode().alias("streams")))
    return body


@cache
def _handler() -> Any:
    kinds = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(
        name="logproto.proto",
        package="logproto",
        syntax="proto3",
        dependency=["google/protobuf/timestamp.proto"],
    )
    for name, fields in _FIELDS.items():
        message = file.message_type.add(name=name)
        for number, (field, of, repeated) in enumerate(fields, 1):
            message.field.add(
                name=field,
                number=number,
                type=kinds.TYPE_MESSAGE if of else kinds.TYPE_STRING,
                type_name=of or None,
                label=kinds.LABEL_REPEATED if repeated else kinds.LABEL_OPTIONAL,
            )
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(timestamp_pb2.DESCRIPTOR.serialized_pb)
    pool.Add(file)
    found = pool.FindMessageTypeByName("logproto.PushRequest")
    return HandlerPool([found.file]).get_for_message(found)
