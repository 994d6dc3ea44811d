"""The agent's `pbflow.Records`: many a message, cut into one payload a Record.

Source: docs/reference/decoding.md#record. The entries are read as bytes, which are the same on the
wire as messages are: so they are cut and not decoded, without a loop over them.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError

from pipeline.decode.splitting import Damaged


@cache
def _message() -> Any:
    proto = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="records.proto", package="pbflow")
    file.syntax = "proto3"
    file.message_type.add(name="Records").field.add(
        name="entries", number=1, type=proto.TYPE_BYTES, label=proto.LABEL_REPEATED
    )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("pbflow.Records"))


def entries(message: bytes) -> tuple[list[bytes], str]:
    """The Records of a message, and "".

    Of bytes that are not such a message, one `Damaged` payload, and its reason.
    """
    try:
        found = list(_message().FromString(message).entries)
    except DecodeError:
        found = []
    if found or not message:
        return found, ""
    reason = "this is not a message with Records"
    return [Damaged.because(message, reason, last=False)], reason
