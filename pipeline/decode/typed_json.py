"""Plain JSON payloads to typed columns: each is decoded into a struct of the fields, in C.

A field has one type, and a value of another kind leaves its payload to be read by itself. So do
what `objects.parse` would read otherwise, and what stands in fields that are passed over
(`passed_over.suspects`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from itertools import repeat
from types import NoneType
from typing import Annotated, Any

import msgspec
import numpy as np
import polars as pl
import pyarrow as pa
from msgspec.structs import astuple
from numpy.typing import NDArray

from pipeline.decode.columns import EXACT, exact
from pipeline.decode.json_rows import no_collection
from pipeline.decode.passed_over import Places, suspects

_SLICE = 1024
"""Structs held at a time: few enough to stay in the processor's cache."""

_TEXTS, _NUMBERS = pl.List(pl.String()), pl.List(pl.Int64())
_EXACT = Annotated[int, msgspec.Meta(ge=-EXACT, le=EXACT)]
_KINDS: dict[pl.DataType, Any] = {
    pl.String(): str,
    pl.Boolean(): bool,
    pl.Float64(): float,
    _TEXTS: list[str],
    _NUMBERS: list[_EXACT],
}
_LISTS = {_TEXTS: pa.large_list(pa.large_string()), _NUMBERS: pa.large_list(pa.int64())}

_UNFIT = re.compile('[\\\\"\x00-\x1f\ufffd]')
"""What a struct's field cannot be called, and what bytes that are not UTF-8 are read as."""

_ODD_ERRORS = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

Schema = Mapping[str, pl.DataType]
Read = Callable[[list[bytes], int], tuple[pl.DataFrame, Places]]
_Decoder = Callable[[bytes], Any]
_Fits = NDArray[np.bool_]


def reader(schema: Schema, *, whole: bool) -> Read:
    """A function from payloads to the fields of `schema` and the places of those it could read.

    Its frame has a row for each of these. Payloads of more than the given bytes are not read. With
    `whole`, nor are those that have a field which `schema` does not have.
    """
    if any(map(_UNFIT.search, schema)):
        return lambda _payloads, _max_bytes: (pl.DataFrame(schema=schema), np.empty(0, np.intp))
    decode = _decoder(schema, whole=whole)

    def read_slice(payloads: list[bytes], max_bytes: int) -> tuple[pl.DataFrame, Places]:
        possible = _possible(payloads, max_bytes, whole=whole)
        rows, odd = _rows(decode, [payloads[place] for place in possible.tolist()])
        flows, fits = _frame(rows, schema)
        return flows, np.delete(possible, odd)[fits]

    def read(payloads: list[bytes], max_bytes: int) -> tuple[pl.DataFrame, Places]:
        frames, found = [_frame([], schema)[0]], [np.empty(0, np.intp)]
        with no_collection():
            for start in range(0, len(payloads), _SLICE):
                flows, places = read_slice(payloads[start : start + _SLICE], max_bytes)
                frames.append(flows)
                found.append(places + start)
        return pl.concat(frames, rechunk=True).cast(pl.Schema(schema)), np.concatenate(found)

    return read


def _decoder(schema: Schema, *, whole: bool) -> _Decoder:
    """From a payload to a struct of the fields, None where one is absent or null."""
    fields = [
        (f"f{number}", _kind(dtype) | None, None) for number, dtype in enumerate(schema.values())
    ]
    names = {field: name for (field, *_), name in zip(fields, schema, strict=True)}
    flow = msgspec.defstruct("Flow", fields, rename=names, forbid_unknown_fields=whole, gc=False)
    return msgspec.json.Decoder(flow).decode


def _kind(dtype: pl.DataType) -> Any:
    """The type to decode a field as: nothing but null where a column of it cannot be read.

    Numbers are doubles, so an integer may be written as one that is whole.
    """
    if dtype.is_integer():
        low, high = exact(dtype)
        return Annotated[int, msgspec.Meta(ge=low, le=high)] | float
    return _KINDS.get(dtype, NoneType)


def _possible(payloads: list[bytes], max_bytes: int, *, whole: bool) -> Places:
    """The places of the payloads that may be decoded; of others `parse` reads more, or rejects."""
    small = np.fromiter(map(len, payloads), np.intp, len(payloads)) <= max_bytes
    if not whole:
        small[suspects(payloads)] = False
    return np.flatnonzero(small)


def _rows(decode: _Decoder, payloads: list[bytes]) -> tuple[list[Any], list[int]]:
    """The structs of the payloads that can be decoded, and the places of the others."""
    rows: list[Any] = []
    odd: list[int] = []
    left = iter(payloads)
    while len(rows) + len(odd) < len(payloads):
        try:
            rows.extend(map(decode, left))
        except _ODD_ERRORS:  # the structs before it are in the list
            odd.append(len(rows) + len(odd))
    return rows, odd


def _frame(rows: list[Any], schema: Schema) -> tuple[pl.DataFrame, _Fits]:
    """The rows whose values are of the types, and which these are. Integers are of 64 bits here."""
    fits = np.ones(len(rows), np.bool_)
    cells = zip(*map(astuple, rows), strict=True) if rows else repeat(())
    columns = zip(schema.items(), cells, strict=False)
    flows = pl.DataFrame([_column(*field, values, fits) for field, values in columns])
    return (flows if fits.all() else flows.filter(fits)), fits


def _column(name: str, dtype: pl.DataType, cells: Sequence[Any], fits: _Fits) -> pl.Series:
    """The column of a field; where a double is not one of its integers, `fits` becomes False."""
    wide = pl.Int64() if dtype.is_integer() else dtype
    if not cells or (cells[0] is None and cells.count(None) == len(cells)):
        return pl.repeat(None, len(cells), dtype=wide, eager=True).alias(name)
    if isinstance(dtype, pl.List):
        return pl.Series(name, pa.array(cells, _LISTS[dtype]))  # many times faster than Polars
    try:
        return pl.Series(name, list(cells), dtype=wide)
    except TypeError:
        doubles = pl.Series(name, list(cells), dtype=pl.Float64)
        inside = (doubles == doubles.round()) & doubles.is_between(*exact(dtype))
        fits &= inside.fill_null(value=True).to_numpy()
        return doubles.cast(wide, strict=False)
