"""Recordings: frames of flows as an agent sends them, to protobuf or JSON lines.

A frame has the columns of `wire.SHAPE` it needs, named and typed as the agent's decoder names them
(docs/reference/decoding.md#flow); null means the flow has no such field. Protobuf messages
are written each behind its size as a varint; the suffixes .gz and .zst compress.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.files import naming
from simulate import wire
from simulate.wire import distinct

_CHUNK = 100_000
_COMPRESSION = {".gz": "gzip", ".zst": "zstd"}


class Format(StrEnum):
    """How the flows of a recording are written."""

    PROTOBUF = "protobuf"
    JSON = "json"


def write(path: Path, frames: Iterable[pl.DataFrame], form: Format) -> int:
    """Write the frames one after the other; the number of flows written."""
    encode = _delimited if form is Format.PROTOBUF else _lines
    count = 0
    with naming(path), _sink(path) as sink:
        for frame in frames:
            for part in frame.iter_slices(_CHUNK):
                sink.write(encode(part))
            count += frame.height
    return count


def json_lines(records: pl.DataFrame) -> pl.Series:
    """Every flow as a JSON object (String); absent fields are left out."""
    indexed = records.with_row_index(":row")
    holes = [pl.col(column).is_null() for column in records.columns if records[column].null_count()]
    parts = [part for _, part in indexed.group_by(holes)] if holes else [indexed]
    lines = [
        part.select(
            ":row",
            line=pl.struct(
                c for c in records.columns if not part[c].null_count()
            ).struct.json_encode(),
        )
        for part in parts
    ]
    return pl.concat(lines).sort(":row")["line"]


def _sink(path: Path) -> Any:
    compression = _COMPRESSION.get(path.suffix)
    if compression:
        return pa.CompressedOutputStream(str(path), compression)
    return pa.OSFile(str(path), "wb")


def _delimited(records: pl.DataFrame) -> pa.Buffer:
    messages = wire.protobuf(records)
    sizes = pl.Series(pc.binary_length(messages))
    prefixes = distinct(sizes, _varint, pl.Binary())
    return _join(prefixes.to_arrow(), messages).buffers()[2]


def _lines(records: pl.DataFrame) -> bytes:
    return "".join(line + "\n" for line in json_lines(records)).encode()


def _join(left: pa.Array, right: pa.Array) -> pa.BinaryArray:
    parts = [array.cast(pa.binary()) for array in (left, right)]
    return pc.binary_join_element_wise(*parts, pa.scalar(b"", pa.binary()))


def _varint(number: int) -> bytes:
    low = bytearray()
    while number > 127:
        low.append(number & 127 | 128)
        number >>= 7
    return bytes((*low, number))
