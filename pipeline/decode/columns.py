"""JSON values of one field to a typed column and, where needed, its overflow column.

A field of the catalogue has the catalogue's type, or its type once decoded where most values are
of that (Flags as a list of names). Any other field takes the commonest of four types. What does not
fit the column becomes JSON text in the overflow column (see `pipeline.flows.values`).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from functools import cache, partial
from itertools import chain
from types import NoneType
from typing import Any

import msgspec
import polars as pl
import pyarrow as pa

from pipeline.flows import gotext, values
from pipeline.flows.catalogue import CATALOGUE

_TEXTS, _NUMBERS = pl.List(pl.String()), pl.List(pl.Int64())
_OPEN = (pl.String(), pl.Float64(), pl.Boolean(), _TEXTS)
EXACT = 2**53
"""Up to here a double holds every integer."""


def columns(name: str, cells: list[Any]) -> tuple[list[pl.Series], int]:
    """The column of a field, its overflow column if needed, and the number of texts coerced.

    `cells` are decoded JSON values, None where the flow does not have the field.
    """
    choices = _choices(name)
    plain = _plain(choices, cells)
    if plain is not None:
        return [plain.alias(name)], 0
    fits = [_first_fit(cell, choices) for cell in cells]
    counts = Counter(place for place, _ in fits)
    best = max(range(len(choices)), key=lambda place: counts[place])
    typed = [value if place == best else None for place, value in fits]
    odd = [
        None if cell is None or place == best else _text(cell if value is None else value)
        for cell, (place, value) in zip(cells, fits, strict=True)
    ]
    series = [_series(choices[best], typed).alias(name)]
    if any(text is not None for text in odd):
        series.append(pl.Series(values.overflow(name), odd, dtype=pl.String))
    return series, sum(_coerced(cell, value) for cell, (_, value) in zip(cells, fits, strict=True))


@cache
def _choices(name: str) -> tuple[pl.DataType, ...]:
    field = CATALOGUE.get(name)
    if field is None:
        return _OPEN
    return (field.dtype, field.decoded) if field.decoded else (field.dtype,)


def _plain(choices: tuple[pl.DataType, ...], cells: list[Any]) -> pl.Series | None:
    """The column when all cells are of one kind that fits it, by far the usual case."""
    kinds = set(map(type, cells)) - {NoneType}
    if kinds == {str} and pl.String() in choices:
        return pl.Series(cells, dtype=pl.String)
    if kinds == {bool} and pl.Boolean() in choices:
        return pl.Series(cells, dtype=pl.Boolean)
    if kinds == {int} and choices[0].is_integer():
        return _integers(choices[0], cells)
    if kinds and kinds <= {int, float} and pl.Float64() in choices:
        return pl.Series([None if c is None else float(c) for c in cells], dtype=pl.Float64)
    if kinds == {list}:
        return _plain_lists(choices, cells)
    return None


def _plain_lists(choices: tuple[pl.DataType, ...], cells: list[Any]) -> pl.Series | None:
    items = list(chain.from_iterable(cell for cell in cells if cell))
    kinds = set(map(type, items))
    if kinds == {str} and _TEXTS in choices:
        return _series(_TEXTS, cells)
    if kinds == {int} and _NUMBERS in choices and _integers(pl.Int64(), items) is not None:
        return _series(_NUMBERS, cells)
    return None


def _integers(dtype: pl.DataType, cells: list[Any]) -> pl.Series | None:
    try:
        column = pl.Series(cells, dtype=pl.Int64)
    except (OverflowError, TypeError):
        return None
    inside = column.is_between(*exact(dtype)).all()
    return column.cast(dtype) if inside else None


def _series(dtype: pl.DataType, cells: list[Any]) -> pl.Series:
    if not isinstance(dtype, pl.List):
        return pl.Series(cells, dtype=dtype)
    if isinstance(dtype.inner, pl.Struct):
        dtype = _with_other_keys(dtype.inner, cells)
    arrow = pl.Series([], dtype=dtype).to_arrow(compat_level=pl.CompatLevel.oldest()).type
    return pl.Series(pa.array(cells, arrow))  # of lists, many times faster than from Python


def _with_other_keys(known: pl.Struct, cells: list[Any]) -> pl.List:
    """The type with the other keys, sorted, that the events of this batch have."""
    names = [field.name for field in known.fields]
    found = {key for cell in cells if cell for event in cell for key in event}
    keys = [*names, *sorted(found.difference(names))]
    return pl.List(pl.Struct(dict.fromkeys(keys, pl.String())))


def _first_fit(cell: Any, choices: tuple[pl.DataType, ...]) -> tuple[int | None, Any]:
    """The first type that the cell fits, and the cell as a value of it."""
    if cell is not None:
        for place, dtype in enumerate(choices):
            value = _fit(dtype)(cell)
            if value is not None:
                return place, value
    return None, None


@cache
def _fit(dtype: pl.DataType) -> Callable[[Any], Any]:
    """The function from a cell to a value of this type, None where it does not fit."""
    if dtype.is_integer():
        return partial(_integer, *exact(dtype))
    if dtype == pl.Boolean:
        return lambda cell: cell if isinstance(cell, bool) else None
    if dtype == pl.Float64:
        return lambda cell: float(cell) if type(cell) in {int, float} else None
    if not isinstance(dtype, pl.List):
        return lambda cell: cell if isinstance(cell, str) else None
    if isinstance(dtype.inner, pl.Struct):
        return partial(_list, _event)
    return partial(_list, _fit(pl.Int64() if dtype.inner == pl.Int64 else pl.String()))


def _list(fit: Callable[[Any], Any], cell: Any) -> list[Any] | None:
    items = [fit(item) for item in cell] if isinstance(cell, list) else [None]
    return None if None in items else items


def _event(cell: Any) -> dict[str, str] | None:
    texts = isinstance(cell, dict) and all(isinstance(value, str) for value in cell.values())
    return cell if texts else None


def _integer(low: int, high: int, cell: Any) -> int | None:
    """Numbers are doubles; a text counts where it reads as a number."""
    number = gotext.parse_float(cell) if isinstance(cell, str) else cell
    if isinstance(number, bool) or not isinstance(number, int | float):
        return None
    double = float(number)
    return int(double) if double.is_integer() and low <= int(double) <= high else None


@cache
def bounds(dtype: pl.DataType) -> tuple[int, int]:
    """Least and greatest value of an integer type."""
    bits = int(re.sub("[A-Za-z]", "", str(dtype)))
    return (
        (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if dtype.is_signed_integer() else (0, 2**bits - 1)
    )


def exact(dtype: pl.DataType) -> tuple[int, int]:
    """Least and greatest value of an integer type that a double holds; others stay doubles."""
    low, high = bounds(dtype)
    return max(low, -EXACT), min(high, EXACT)


def _coerced(cell: Any, value: Any) -> bool:
    """Whether a text, or a text in a list, became a number."""
    if isinstance(cell, list) and isinstance(value, list):
        return any(map(_coerced, cell, value))
    return isinstance(cell, str) and isinstance(value, int)


def _text(value: object) -> str:
    return msgspec.json.encode(_rounded(value)).decode()


def _rounded(value: object) -> object:
    """The value with the integers that a double cannot hold rounded to one."""
    if isinstance(value, list):
        return [_rounded(item) for item in value]
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    return float(value) if isinstance(value, int) and abs(value) > EXACT else value
