"""JSON flows, one object a payload (flp-semantics b.1).

Numbers are doubles, nulls at the top are absent fields, TimeReceived is added unless present. What
is no object is rejected; invalid UTF-8 and lone surrogates become U+FFFD.
"""

from __future__ import annotations

import codecs
import gc
import json
import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain

import msgspec
import polars as pl

from pipeline.decode.columns import columns
from pipeline.stage import Decode, Decoded, Env

_SLICE = 512
"""Flows held as dicts at a time: few enough to stay in the processor's cache."""

_MAX_BYTES = 16 << 20
_MAX_DEPTH = 100
_TOO_DEEP = f"JSON nested more than {_MAX_DEPTH} deep"
_EMPTY = "an empty message"
_RECEIVED = "TimeReceived"

_SURROGATE = re.compile("[\ud800-\udfff]")
_DIGITS = bytes(48 if 48 <= byte < 58 else byte for byte in range(256))
_TOO_LONG = b"0" * 309
"""An integer of so many digits may be more than a double."""

_RESERVED = re.compile(r"\A(?:\*\Z|\^.*\$\Z|[\x1e\x1f])", re.DOTALL)
"""Names that mean something to the frame: patterns of columns, and the engine's own columns."""

_RESERVED_MARKS = (b'"*"', b'"^', b"\\")
"""No payload without one of these has a reserved name."""

_KINDS = {list: "an array", str: "a text", bool: "a boolean"}

Flow = dict[str, object]
_parse = msgspec.json.Decoder().decode


def _replace_each_byte(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "\ufffd" * (error.end - error.start), error.end


codecs.register_error("flowmatrix.replace-each-byte", _replace_each_byte)


def decoder(env: Env, max_bytes: int = _MAX_BYTES) -> Decode:
    """Payloads to the fields that `env` needs and the payloads have; TimeReceived is always there.

    A payload of more than `max_bytes` is rejected unread.
    """

    def decode(payloads: list[bytes]) -> Decoded:
        table = _Table(env)
        rejected: list[tuple[int, str]] = []
        with _no_collection():
            for start in range(0, len(payloads), _SLICE):
                rows, bad = _rows(payloads[start : start + _SLICE], max_bytes)
                table.append(rows)
                rejected += [(start + index, reason) for index, reason in bad]
        flows, coerced = table.frame()
        return Decoded(flows, rejected, coerced)

    return decode


class _Table:
    """Cells by field, all of one height."""

    def __init__(self, env: Env) -> None:
        self.env = env
        self.height = 0
        self.cells: dict[str, list[object]] = {}

    def append(self, rows: list[Flow]) -> None:
        for name in filter(self.env.needs, dict.fromkeys(chain.from_iterable(rows))):
            self._column(name).extend([row.get(name) for row in rows])
        self.height += len(rows)

    def frame(self) -> tuple[pl.DataFrame, int]:
        """The frame, and how many texts were coerced to numbers."""
        now = int(self.env.clock())
        received = self._column(_RECEIVED)
        self.cells[_RECEIVED] = [now if cell is None else cell for cell in received]
        full = {name: self._column(name) for name in self.cells}
        typed = [
            columns(name, cells) for name, cells in full.items() if name == _RECEIVED or _any(cells)
        ]
        series = [column for group, _ in typed for column in group]
        return pl.DataFrame({s.name: s for s in series}), sum(coerced for _, coerced in typed)

    def _column(self, name: str) -> list[object]:
        """The cells of a field, filled up to the height."""
        column = self.cells.setdefault(name, [])
        column += [None] * (self.height - len(column))
        return column


def _rows(payloads: list[bytes], max_bytes: int) -> tuple[list[Flow], list[tuple[int, str]]]:
    rows: list[Flow] = []
    rejected: list[tuple[int, str]] = []
    for index, payload in enumerate(payloads):
        try:
            rows.append(parse(payload, max_bytes))
        except ValueError as error:
            rejected.append((index, str(error)))
    return rows, rejected


def parse(payload: bytes, max_bytes: int = _MAX_BYTES) -> Flow:
    """The flow of one payload, nulls and all; ValueError says why there is none."""
    if len(payload) > max_bytes:
        raise ValueError(f"{len(payload)} bytes, more than the {max_bytes} a flow may have")
    try:
        value = _strict(payload)
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        try:
            value = _lenient(payload)
        except (ValueError, RecursionError):
            raise ValueError(str(error) if payload.strip() else _EMPTY) from None
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ValueError(  # noqa: TRY004 - what is wrong is the payload
            f"{_KINDS.get(type(value), 'a number')} instead of an object"
        )
    if payload.count(b"[") + payload.count(b"{") > _MAX_DEPTH and _depth(value) > _MAX_DEPTH:
        raise ValueError(_TOO_DEEP)
    if any(mark in payload for mark in _RESERVED_MARKS) and any(map(_RESERVED.search, value)):
        raise ValueError("a reserved field name: *, ^...$ or one that starts with U+001E or U+001F")
    return value


def _strict(payload: bytes) -> object:
    value = _parse(payload)
    if len(payload) > len(_TOO_LONG) and _TOO_LONG in payload.translate(_DIGITS):
        return _lenient(payload)
    return value


def _lenient(payload: bytes) -> object:
    text = payload.decode("utf-8", "flowmatrix.replace-each-byte")
    value = json.loads(text, parse_int=_double, parse_float=_double, parse_constant=_double)
    return _without_surrogates(value)


def _double(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text:.20}: number out of range")
    return number


def _without_surrogates(value: object) -> object:
    if isinstance(value, str):
        return _SURROGATE.sub("\ufffd", value)
    if isinstance(value, list):
        return [_without_surrogates(item) for item in value]
    if isinstance(value, dict):
        return {_SURROGATE.sub("\ufffd", k): _without_surrogates(v) for k, v in value.items()}
    return value


def _any(cells: list[object]) -> bool:
    return any(cell is not None for cell in cells)


def _depth(value: object) -> int:
    depth, level = 0, [value]
    while level:
        depth += 1
        inner = [list(v.values()) if isinstance(v, dict) else v for v in level]
        level = [v for group in inner if isinstance(group, list) for v in group]
    return depth


@contextmanager
def _no_collection() -> Iterator[None]:
    """Decoding makes many objects and no cycles: the collector would only walk them."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
