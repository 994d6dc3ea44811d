"""64-bit FNV-1a over fields as Go's gob encodes them: how flowlogs-pipeline names a connection.

Source: docs/reference/flowlogs-pipeline.md#connection-hash. A scalar is a length byte, the number
of its type, 0, and its payload. Columns are hashed byte by byte, all rows at once.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from pipeline.flows import gotext, values

Hashes = npt.NDArray[np.uint64]
Mask = npt.NDArray[np.bool_]

_OFFSET = np.uint64(0xCBF29CE484222325)
_PRIME = np.uint64(0x100000001B3)
_BOOL, _INT, _UNSIGNED, _DOUBLE, _STRING = 2, 4, 6, 8, 12
_SHORT = 124
"""The longest text whose lengths are a byte each."""


class _Encoded(NamedTuple):
    """Bytes of rows: a matrix, of which each row has its own length."""

    content: npt.NDArray[np.uint8]
    lengths: npt.NDArray[np.int64]


def start(rows: int) -> Hashes:
    """The hash of nothing, for so many rows."""
    return np.full(rows, _OFFSET)


def add_field(hashes: Hashes, flows: pl.DataFrame, name: str, *, integers: bool) -> Mask:
    """Add a field to the hashes, in place; in which rows there is one that can be hashed.

    `integers`: whole numbers are integers, as flows of protobuf have them; otherwise all numbers
    are doubles, as flows of JSON have them.
    """
    added = np.zeros(len(hashes), dtype=np.bool_)
    if name in flows.columns:
        column = flows[name]
        if column.dtype == pl.String:
            added |= _add_texts(hashes, column)
        elif not column.dtype.is_nested():
            present = column.is_not_null().to_numpy()
            _fold(hashes, _numbers(column, integers=integers), present)
            added |= present
    odd = values.overflow(name)
    if odd in flows.columns:
        added |= _add_each(hashes, flows[odd], _cell)
    return added


def add_hashes(hashes: Hashes, others: Hashes) -> None:
    """Add other hashes, the most significant byte first, in place."""
    content = others.astype(">u8").view(np.uint8).reshape(-1, 8)
    _fold(hashes, _Encoded(content, np.full(len(others), 8)), np.ones(len(others), np.bool_))


def _fold(hashes: Hashes, encoded: _Encoded, where: Mask) -> None:
    lengths = np.where(where, encoded.lengths, 0)
    for place in range(encoded.content.shape[1]):
        mixed = (hashes ^ encoded.content[:, place]) * _PRIME
        np.copyto(hashes, mixed, where=lengths > place)


def _add_texts(hashes: Hashes, column: pl.Series) -> Mask:
    sizes = column.str.len_bytes().fill_null(0).to_numpy()
    present = column.is_not_null().to_numpy()
    short = present & (sizes <= _SHORT)
    _fold(hashes, _texts(column, np.where(short, sizes, 0)), short)
    if (present & ~short).any():
        long = pl.select(pl.when(pl.lit(pl.Series(~short))).then(pl.lit(column))).to_series()
        _add_each(hashes, long, gob)
    return present


def _texts(column: pl.Series, sizes: npt.NDArray[np.int64]) -> _Encoded:
    """Short texts behind their lengths."""
    arrow = column.to_arrow(compat_level=pl.CompatLevel.oldest())
    _, offsets, data = arrow.buffers()
    starts = np.frombuffer(offsets, np.int64)[arrow.offset :][: len(sizes)]
    flat = np.frombuffer(data, np.uint8) if data is not None else np.zeros(0, np.uint8)
    flat = np.append(flat, np.uint8(0))
    content = np.zeros((len(sizes), 4 + int(sizes.max(initial=0))), np.uint8)
    content[:, 0], content[:, 1], content[:, 3] = sizes + 3, _STRING, sizes
    places = starts[:, None] + np.arange(content.shape[1] - 4)
    content[:, 4:] = flat[np.minimum(places, len(flat) - 1)]
    return _Encoded(content, sizes + 4)


def _numbers(column: pl.Series, *, integers: bool) -> _Encoded:
    """Numbers and booleans as unsigned payloads behind their type."""
    dtype, filled = column.dtype, column.fill_null(value=False if column.dtype == pl.Boolean else 0)
    if dtype == pl.Boolean:
        return _unsigned(filled.cast(pl.UInt64).to_numpy(), _BOOL)
    if integers and dtype.is_unsigned_integer():
        return _unsigned(filled.cast(pl.UInt64).to_numpy(), _UNSIGNED)
    if integers and dtype.is_integer():
        signed = filled.cast(pl.Int64).to_numpy()
        return _unsigned(((signed << 1) ^ (signed >> 63)).view(np.uint64), _INT)
    doubles = filled.cast(pl.Float64).to_numpy()
    return _unsigned(doubles.view(np.uint64).byteswap(), _DOUBLE)


def _unsigned(numbers: Hashes, kind: int) -> _Encoded:
    """A number below 128 is one byte; a greater one follows its negated number of bytes."""
    powers = np.array([1 << 8 * n for n in range(1, 8)], np.uint64)
    size = 1 + (numbers[:, None] >= powers).sum(axis=1)
    small = numbers < 128
    content = np.zeros((len(numbers), 12), np.uint8)
    content[:, 0] = np.where(small, 3, size + 3)
    content[:, 1] = kind
    content[:, 3] = np.where(small, numbers, 256 - size).astype(np.uint8)
    left = numbers << (np.uint64(8) * (8 - size).astype(np.uint64))
    content[:, 4:] = left.astype(">u8").view(np.uint8).reshape(-1, 8)
    return _Encoded(content, np.where(small, 4, size + 4))


def _cell(json_text: str) -> bytes | None:
    return gob(gotext.decode_overflow(json_text))


def _add_each(hashes: Hashes, column: pl.Series, encode: Callable[[str], bytes | None]) -> Mask:
    """Add what is not null by its distinct values; where there was something to add."""
    added = np.zeros(len(hashes), np.bool_)
    given = column.alias("value").to_frame().with_row_index("row").drop_nulls()
    for value, rows in given.group_by("value").agg("row").iter_rows():
        content = encode(value)
        if content is not None:
            hashes[rows] = _folded(hashes[rows], content)
            added[rows] = True
    return added


def _folded(hashes: Hashes, content: Iterable[int]) -> Hashes:
    for byte in content:
        hashes = (hashes ^ np.uint64(byte)) * _PRIME
    return hashes


def gob(value: object) -> bytes | None:
    """A scalar as gob encodes it; None for what is not one."""
    if isinstance(value, bool):
        return bytes([3, _BOOL, 0, value])
    if isinstance(value, str):
        content = value.encode()
        payload = bytes([_STRING, 0]) + _uint(len(content)) + content
        return _uint(len(payload)) + payload
    if isinstance(value, float):
        payload = bytes([_DOUBLE, 0]) + _uint(int.from_bytes(struct.pack("<d", value)))
        return _uint(len(payload)) + payload
    return None


def _uint(number: int) -> bytes:
    if number < 128:
        return bytes([number])
    content = number.to_bytes((number.bit_length() + 7) // 8)
    return bytes([256 - len(content)]) + content
