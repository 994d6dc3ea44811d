"""Record batches of Kafka that no client makes, and a produce request that takes them as they are.

Layouts: https://kafka.apache.org/documentation/#recordbatch, Produce (API key 0) in version 7.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Sequence

from aiokafka.record.util import calc_crc32c

_HEAD = struct.Struct(">qiibIhiqqqhii")
_BEFORE_CRC = 21
_BEFORE_LENGTH = 12
GZIP, SNAPPY, LZ4, ZSTD = 1, 2, 3, 4
"""Codecs, as the attributes of a batch have them."""


def varint(number: int) -> bytes:
    """A number as records have it: zigzag, seven bits a byte."""
    rest = (number << 1) ^ (number >> 63)
    found = bytearray()
    while rest > 0x7F:
        found.append(rest & 0x7F | 0x80)
        rest >>= 7
    return bytes([*found, rest])


def record(
    index: int,
    value: bytes | None,
    key: bytes | None = None,
    headers: Sequence[tuple[bytes, bytes]] = (),
) -> bytes:
    """One record of a batch."""
    body = b"\0" + varint(0) + varint(index) + _sized(key) + _sized(value) + varint(len(headers))
    body += b"".join(_sized(name) + _sized(content) for name, content in headers)
    return varint(len(body)) + body


def _sized(data: bytes | None) -> bytes:
    return varint(-1) if data is None else varint(len(data)) + data


def batch(records: bytes, count: int, codec: int = 0, stamp: int = 1_700_000_000_000) -> bytes:
    """A record batch with a checksum that is right. `records` are compressed by `codec` already."""
    head = [0, _HEAD.size - _BEFORE_LENGTH + len(records), -1, 2, 0]
    head += [codec, count - 1, stamp, stamp, -1, -1, -1, count]
    data = _HEAD.pack(*head) + records
    head[4] = calc_crc32c(data[_BEFORE_CRC:])
    return _HEAD.pack(*head) + records


def produce(address: str, topic: str, data: bytes, partition: int = 0) -> int:
    """Have a broker append a batch; its error code, 0 where it did.

    Raises OSError where it ends the connection instead.
    """
    name = topic.encode()
    body = struct.pack(">hhihh", 0, 7, 1, -1, -1) + struct.pack(">hiih", -1, 30_000, 1, len(name))
    body += name + struct.pack(">iii", 1, partition, len(data)) + data
    host, _, port = address.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        connection.sendall(struct.pack(">i", len(body)) + body)
        answer = connection.makefile("rb").read(4 + 4 + 4 + 2 + len(name) + 4 + 4 + 2)
    if not answer:
        raise ConnectionResetError("the broker has ended the connection")
    return int(struct.unpack(">h", answer[-2:])[0])


def at(offset: int, *, damaged: bool = False, count: int = 2) -> bytes:
    """A record batch at an offset; a damaged one has a byte that is another one."""
    data = bytearray(batch(b"".join(record(n, b"flow") for n in range(count)), count))
    data[:8] = offset.to_bytes(8, "big")
    data[-3] ^= damaged
    return bytes(data)
