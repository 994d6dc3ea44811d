"""Recordings read by code that shares nothing with what wrote them."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path


def messages(recording: Path) -> Iterator[bytes]:
    """The messages of a recording (.gz is unpacked), each behind its size as a varint."""
    data, at = recording.read_bytes(), 0
    data = gzip.decompress(data) if recording.suffix == ".gz" else data
    while at < len(data):
        size = shift = 0
        while True:
            byte, at = data[at], at + 1
            size |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                break
        yield data[at : at + size]
        at += size
