"""BIN files of IP2Location for tests, of the kind DB5: country, region, city, coordinates."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from ipaddress import ip_address
from typing import NamedTuple

_HEADER = 64
_COLUMNS = 6


class Range(NamedTuple):
    """Where addresses from `first` on are, up to the next range."""

    first: str
    country: str = "-"
    country_long: str = "-"
    region: str = "-"
    city: str = "-"
    latitude: float = 0.0
    longitude: float = 0.0


def database(ranges: Sequence[Range], kind: int = 5) -> bytes:
    """A database; ranges of one version of IP are in order and begin at its first address."""
    texts, places = bytearray(), dict[str, int]()
    four = [one for one in ranges if ip_address(one.first).version == 4]
    six = [one for one in ranges if ip_address(one.first).version == 6]
    columns = _COLUMNS if kind == 5 else 2
    sizes = [columns * 4 * (len(four) + 1), (columns * 4 + 12) * (len(six) + 1) if six else 0]
    base = _HEADER + sum(sizes)

    def text(*parts: str) -> int:
        key = "\0".join(parts)
        if key not in places:
            places[key] = base + len(texts)
            for width, part in zip((2, 0), parts, strict=False):
                content = part.encode("latin-1")
                texts.extend(bytes([len(content)]) + content.ljust(width * (len(parts) - 1), b"\0"))
        return places[key]

    def row(one: Range, width: int) -> bytes:
        first = int(ip_address(one.first)).to_bytes(width, "little")
        country = struct.pack("<I", text(one.country, one.country_long))
        if kind != 5:
            return first + country
        names = struct.pack("<II", text(one.region), text(one.city))
        return first + country + names + struct.pack("<ff", one.latitude, one.longitude)

    def rows(of: list[Range], width: int) -> bytes:
        last = ((1 << (8 * width)) - 1).to_bytes(width, "little")
        return b"".join(row(one, width) for one in of) + last.ljust(columns * 4 + width - 4, b"\0")

    body = rows(four, 4) + (rows(six, 16) if six else b"")
    at = [len(four), _HEADER + 1, len(six), _HEADER + 1 + sizes[0] if six else 0, 0, 0]
    header = struct.pack("<5B6I3B", kind, columns, 25, 11, 1, *at, 1, 1, 0)
    return header.ljust(_HEADER, b"\0") + body + bytes(texts)
