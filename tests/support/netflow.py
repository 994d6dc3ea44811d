"""Packets as exporters make them: IPFIX (RFC 7011), NetFlow v9 (RFC 3954) and v5."""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Sequence
from typing import NamedTuple

EXPORTED = 1_700_000_000

FLOW = ((8, 4), (12, 4), (7, 2), (11, 2), (4, 1), (6, 1), (1, 8), (2, 8), (152, 8), (153, 8))
"""The fields of a usual flow: element and length."""
FLOW_V9 = (*FLOW[:8], (22, 4), (21, 4))


class Flow(NamedTuple):
    """A flow of IPv4, for the template FLOW."""

    src: str = "10.0.0.1"
    dst: str = "10.0.0.2"
    src_port: int = 40000
    dst_port: int = 443
    proto: int = 6
    flags: int = 2
    octets: int = 840
    packets: int = 3
    start: int = EXPORTED * 1000 - 2000
    end: int = EXPORTED * 1000 - 1000

    def record(self, moments: str = "QQ") -> bytes:
        """Its bytes; the moments are 8 bytes each (Q), or 4 (I)."""
        ends = (ipaddress.ip_address(end).packed for end in (self.src, self.dst))
        return b"".join(ends) + struct.pack(f">HHBBQQ{moments}", *self[2:])


def template(number: int, fields: Sequence[tuple[int, ...]] = FLOW) -> bytes:
    """A template record: fields are element, length and, for those not of IANA, enterprise."""
    parts = [struct.pack(">HH", number, len(fields))]
    for element, length, *enterprise in fields:
        if enterprise:
            parts.append(struct.pack(">HHI", element | 0x8000, length, *enterprise))
        else:
            parts.append(struct.pack(">HH", element, length))
    return b"".join(parts)


def options(number: int, scopes: int, fields: Sequence[tuple[int, int]], version: int) -> bytes:
    """An options template, the first fields of which are its scope."""
    counts = (len(fields), scopes)
    if version == 9:
        counts = (4 * scopes, 4 * (len(fields) - scopes))
    return struct.pack(">HHH", number, *counts) + b"".join(
        struct.pack(">HH", *field) for field in fields
    )


def flowset(number: int, *records: bytes) -> bytes:
    """A set with its header."""
    body = b"".join(records)
    return struct.pack(">HH", number, 4 + len(body)) + body


def ipfix(*sets: bytes, sequence: int = 0, domain: int = 1) -> bytes:
    """A message of IPFIX."""
    body = b"".join(sets)
    return struct.pack(">HHIII", 10, 16 + len(body), EXPORTED, sequence, domain) + body


def v9(*sets: bytes, sequence: int = 0, domain: int = 1, uptime: int = 60_000) -> bytes:
    """A packet of NetFlow v9."""
    head = struct.pack(">HHIIII", 9, len(sets), uptime, EXPORTED, sequence, domain)
    return head + b"".join(sets)


def v5(*flows: Flow, sequence: int = 0, sampling: int = 0, uptime: int = 60_000) -> bytes:
    """A packet of NetFlow v5; moments of the flows are of the exporter's uptime (ms)."""
    head = struct.pack(">HHIIIIBBH", 5, len(flows), uptime, EXPORTED, 0, sequence, 0, 0, sampling)
    return head + b"".join(map(_v5, flows))


def _v5(flow: Flow) -> bytes:
    ends = (ipaddress.ip_address(end).packed for end in (flow.src, flow.dst, "10.0.0.254"))
    return b"".join(ends) + struct.pack(
        ">HHIIIIHHBBBBHHBBH",
        *(1, 2, flow.packets, flow.octets, flow.start & 0xFFFFFFFF, flow.end & 0xFFFFFFFF),
        *(flow.src_port, flow.dst_port, 0, flow.flags, flow.proto, 0xB8, 64500, 64501, 24, 16, 0),
    )
