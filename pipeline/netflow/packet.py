"""The header of a packet and its sets (RFC 7011, RFC 3954; NetFlow v5 has records alone)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from pipeline.netflow.template import MalformedError

_IPFIX, _V9, _V5 = struct.Struct(">HHIII"), struct.Struct(">HHIIII"), struct.Struct(">HHIIIIBBH")
V5_RECORD = 48
V5_HEAD = _V5.size


class Packet(NamedTuple):
    """A header: times in seconds, `uptime` in milliseconds.

    `body` is what is behind the header, `records` how many it has (v5, v9: of all kinds),
    `interval` that of sampling in v5. `wrong` says what is wrong with the length.
    """

    version: int
    exported: int
    sequence: int
    domain: int
    body: bytes
    uptime: int = 0
    records: int = 0
    interval: int = 0
    wrong: str = ""


def parse(datagram: bytes) -> Packet:
    """The packet of a datagram. Raises MalformedError."""
    if len(datagram) < 2:
        raise MalformedError(f"a packet of {len(datagram)} bytes")
    version = int.from_bytes(datagram[:2], "big")
    head = {10: _IPFIX, 9: _V9, 5: _V5}.get(version)
    if head is None:
        raise MalformedError(f"neither IPFIX nor NetFlow v9 or v5: version {version}")
    if len(datagram) < head.size:
        raise MalformedError(f"a packet of {len(datagram)} bytes ends inside its header")
    found = head.unpack_from(datagram)
    if version == 10:
        return _ipfix(datagram, *found[1:])
    if version == 9:
        count, uptime, exported, sequence, domain = found[1:]
        return Packet(9, exported, sequence, domain, datagram[head.size :], uptime, count)
    count, uptime, exported, _, sequence, kind, engine, sampling = found[1:]
    body = datagram[head.size :]
    wrong = ""
    if len(body) < count * V5_RECORD:
        wrong = f"a packet of {count} records ends after {len(body) // V5_RECORD}"
    domain = kind << 8 | engine
    interval = sampling & 0x3FFF  # the two bits above say how it samples
    return Packet(5, exported, sequence, domain, body, uptime, count, interval, wrong)


def _ipfix(datagram: bytes, length: int, exported: int, sequence: int, domain: int) -> Packet:
    wrong = ""
    if length < _IPFIX.size:
        raise MalformedError(f"a message says that it has {length} bytes")
    if length > len(datagram):
        wrong = f"a message of {length} bytes ends after {len(datagram)}"
    return Packet(10, exported, sequence, domain, datagram[_IPFIX.size : length], wrong=wrong)


class Set(NamedTuple):
    """A set: its number and what is behind its header; `wrong` says what is wrong with it."""

    number: int
    body: bytes
    wrong: str = ""


def sets(packet: Packet) -> Iterator[Set]:
    """The sets of a packet of IPFIX or v9; the last one may be `wrong`."""
    body, at = packet.body, 0
    while len(body) - at >= 4:
        number, length = struct.unpack_from(">HH", body, at)
        if packet.version == 9 and number == 0 and length == 0:
            return  # padding
        if length < 4:
            yield Set(number, body[at:], f"a set says that it has {length} bytes")
            return
        if length > len(body) - at:
            wrong = f"a set of {length} bytes ends after {len(body) - at}"
            yield Set(number, body[at + 4 :], wrong)
            return
        yield Set(number, body[at + 4 : at + length])
        at += length
    if any(body[at:]):
        yield Set(0, body[at:], "a packet ends inside the header of a set")
