"""A payload: one record, the packet it came in, and the template that it is read with.

It needs nothing else to be read, now or later: `template key | head | record`.
"""

from __future__ import annotations

import ipaddress
from typing import NamedTuple

import numpy as np

HEAD = np.dtype(
    [
        ("exporter", "u1", 16),
        ("received", ">u8"),
        ("exported", ">u4"),
        ("uptime", ">u4"),
        ("sequence", ">u4"),
        ("domain", ">u4"),
        ("sampling", ">u4"),
    ]
)
"""Times are in seconds since 1970; `uptime` are milliseconds since the exporter began."""


class Head(NamedTuple):
    """What all records of a packet share. `exporter` are the 16 bytes of an address."""

    exporter: bytes
    received: int
    exported: int
    uptime: int
    sequence: int
    domain: int

    def pack(self, sampling: int) -> bytes:
        """The bytes of HEAD."""
        numbers = (self.exported, self.uptime, self.sequence, self.domain, sampling)
        return (
            self.exporter
            + self.received.to_bytes(8, "big")
            + b"".join((n & 0xFFFFFFFF).to_bytes(4, "big") for n in numbers)
        )


def address(text: str) -> bytes:
    """16 bytes of an address as a socket gives it; an IPv4 address is mapped into IPv6."""
    found = ipaddress.ip_address(text.partition("%")[0])
    return found.packed if found.version == 6 else bytes(10) + b"\xff\xff" + found.packed


def address_text(packed: bytes) -> str:
    """The address as text, an IPv4 address as one."""
    found = ipaddress.IPv6Address(packed)
    return str(found.ipv4_mapped or found)
