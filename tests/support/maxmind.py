"""Databases of MaxMind for tests (the format MaxMind DB 2.0, records of 24 bits)."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from ipaddress import ip_network
from typing import Any, NamedTuple

_MARKER = b"\xab\xcd\xefMaxMind.com"
_GAP = 16
"""Bytes of zeros between the tree and the data."""


class _Number(NamedTuple):
    """An unsigned integer: 5 of 16 bits, 6 of 32, 9 of 64."""

    kind: int
    value: int


def database(networks: Mapping[str, Any], kind: str = "GeoIP2-City") -> bytes:
    """A database with a record for each network, of IPv4 and IPv6."""
    nodes: list[list[int | None]] = [[None, None]]
    data, places = bytearray(), list[tuple[int, int, int]]()
    for text, record in networks.items():
        net = ip_network(text)
        length = net.prefixlen + (96 if net.version == 4 else 0)
        bits = f"{int(net.network_address):0128b}"[:length]
        node = 0
        for bit in map(int, bits[:-1]):
            below = nodes[node][bit]
            if below is None:
                below = nodes[node][bit] = len(nodes)
                nodes.append([None, None])
            node = below
        places.append((node, int(bits[-1]), len(data)))
        data += _encoded(record)
    for node, bit, offset in places:
        nodes[node][bit] = len(nodes) + _GAP + offset
    empty = len(nodes)
    tree = b"".join(
        (empty if record is None else record).to_bytes(3, "big")
        for node in nodes
        for record in node
    )
    metadata = {
        "binary_format_major_version": _Number(5, 2),
        "binary_format_minor_version": _Number(5, 0),
        "build_epoch": _Number(9, 1),
        "database_type": kind,
        "description": {"en": "of a test"},
        "ip_version": _Number(5, 6),
        "languages": ["en"],
        "node_count": _Number(6, len(nodes)),
        "record_size": _Number(5, 24),
    }
    return tree + bytes(_GAP) + bytes(data) + _MARKER + _encoded(metadata)


def _encoded(value: Any) -> bytes:
    if isinstance(value, dict):
        items = b"".join(_encoded(key) + _encoded(item) for key, item in value.items())
        return _control(7, len(value)) + items
    if isinstance(value, list):
        return _control(11, len(value)) + b"".join(map(_encoded, value))
    if isinstance(value, str):
        return _control(2, len(value.encode())) + value.encode()
    if isinstance(value, float):
        return _control(3, 8) + struct.pack(">d", value)
    return _control(value.kind, 2) + struct.pack(">H", value.value)


def _control(kind: int, size: int) -> bytes:
    """The type and the size of a value; types beyond 7 have a byte of their own."""
    assert size < 29, "a value of a test is short"
    return bytes([kind << 5 | size]) if kind <= 7 else bytes([size, kind - 7])
