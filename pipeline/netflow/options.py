"""What exporters tell about themselves in records of options."""

from __future__ import annotations

import struct
from typing import NamedTuple

from pipeline.netflow.template import VARIABLE, Template

SELECTION, _SPACE = 305, 306
RATES = (SELECTION, 50, 34)
"""samplingPacketInterval, samplerRandomInterval, samplingInterval: the first one counts."""
PROBABILITY = 311
"""samplingProbability, a double."""
BEGAN = 160
"""systemInitTimeMilliseconds: from when on it counts its uptime."""
_MOST = 0xFFFFFFFF


class Options(NamedTuple):
    """One packet in `rate` is sampled; the exporter began at `began` (ms since 1970)."""

    rate: int | None = None
    began: int | None = None


def read(template: Template, record: bytes) -> Options:
    """What a record of options says; None for what it does not."""
    found: dict[int, bytes] = {}
    at = 0
    for field in template.fields:
        length = field.length
        if length == VARIABLE:
            length, at = record[at], at + 1
            if length == 255:
                length, at = int.from_bytes(record[at : at + 2], "big"), at + 2
        if not field.enterprise:
            found.setdefault(field.element, record[at : at + length])
        at += length
    return Options(_rate(found), int.from_bytes(found[BEGAN], "big") if BEGAN in found else None)


def _rate(found: dict[int, bytes]) -> int | None:
    for element in RATES:
        if element in found:
            return _interval(found, element)
    return _inverse(found.get(PROBABILITY, b""))


def _interval(found: dict[int, bytes], element: int) -> int:
    """RFC 5477: of an interval and the space behind it, the first is sampled."""
    interval = int.from_bytes(found[element], "big")
    space = int.from_bytes(found.get(_SPACE, b""), "big") if element == SELECTION else 0
    return min((interval + space) // interval if space and interval else interval, _MOST)


def _inverse(raw: bytes) -> int | None:
    if len(raw) not in {4, 8}:
        return None
    probability: float = struct.unpack(">d" if len(raw) == 8 else ">f", raw)[0]
    return min(round(1 / probability), _MOST) if 1 / _MOST <= probability <= 1 else None
