"""One JSON payload to a flow (docs/reference/decoding.md#json).

A payload that is not an object is rejected; invalid UTF-8 and lone surrogates become U+FFFD.
"""

from __future__ import annotations

import codecs
import json
import math
import re

import msgspec

Flow = dict[str, object]

MAX_BYTES = 16 << 20
_MAX_DEPTH = 100
_TOO_DEEP = f"JSON nested more than {_MAX_DEPTH} deep"
_EMPTY = "an empty message"
_KINDS = {list: "an array", str: "a text", bool: "a boolean"}

_SURROGATE = re.compile("[\ud800-\udfff]")
_DIGITS = bytes(48 if 48 <= byte < 58 else byte for byte in range(256))
_DOUBLE_DIGITS = 309
"""An integer of so many digits may be more than a double."""

_RESERVED = re.compile(r"\A(?:\*\Z|\^.*\$\Z|[\x1e\x1f])", re.DOTALL)

_parse = msgspec.json.Decoder().decode


def _replace_each_byte(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "\ufffd" * (error.end - error.start), error.end


codecs.register_error("flowmatrix.replace-each-byte", _replace_each_byte)


def reserved(name: str) -> bool:
    """Whether a field cannot be called so: patterns of columns, and the engine's own columns."""
    return _RESERVED.search(name) is not None


def parse(payload: bytes, max_bytes: int = MAX_BYTES) -> Flow:
    """The flow of one payload, with its nulls. Raises ValueError with the reason."""
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
    return value


def _strict(payload: bytes) -> object:
    value = _parse(payload)
    return _lenient(payload) if _may_overflow(payload) else value


def _may_overflow(payload: bytes) -> bool:
    """Whether it has an integer of many digits: such a run covers one of the bytes of `sample`."""
    sample = payload[_DOUBLE_DIGITS - 1 :: _DOUBLE_DIGITS].translate(_DIGITS)
    return b"0" in sample and b"0" * _DOUBLE_DIGITS in payload.translate(_DIGITS)


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


def _depth(value: object) -> int:
    depth, level = 0, [value]
    while level:
        depth += 1
        inner = [list(v.values()) if isinstance(v, dict) else v for v in level]
        level = [v for group in inner if isinstance(group, list) for v in group]
    return depth
