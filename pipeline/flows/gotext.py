"""How the original prints and parses single values, for distinct values.

Source: docs/reference/decoding.md#conversions.
Columns go through `pipeline.flows.values`; these are the scalar rules it maps over distinct values.
"""

from __future__ import annotations

import math
import re
from decimal import Decimal

import msgspec

_DIGITS = r"\d++(?:_\d++)*+"  # possessive: a long text of digits is read once
_FLOAT = re.compile(
    rf"[+-]?(?:(?:{_DIGITS})?+\.?(?:{_DIGITS})?+(?:[eE][+-]?{_DIGITS})?|inf(?:inity)?|nan)",
    re.IGNORECASE | re.ASCII,
)
_HEX_FLOAT = re.compile(
    r"[+-]?0x_?[0-9a-f]*+(?:_[0-9a-f]++)*+\.?[0-9a-f]*+(?:_[0-9a-f]++)*+p[+-]?\d+",
    re.IGNORECASE | re.ASCII,
)
_JSON_LEAST, _JSON_MOST = 1e-6, 1e21
_INTEGER = re.compile(r"([+-]?)0*([0-9]{1,19})")


def plain(number: float) -> str:
    """Shortest plain decimal, never an exponent.

    >>> plain(1e21), plain(2.5), plain(-0.0), plain(math.inf)
    ('1000000000000000000000', '2.5', '-0', '+Inf')
    """
    if math.isnan(number):
        return "NaN"
    if math.isinf(number):
        return "+Inf" if number > 0 else "-Inf"
    text = format(Decimal(repr(number)), "f")
    return text.removesuffix(".0")


def general(number: float) -> str:
    """Go's shortest %g: an exponent below 1e-4 and from 1e+06 up.

    >>> general(999999.0), general(1e6), general(1234567.5), general(0.0001), general(0.00001)
    ('999999', '1e+06', '1.2345675e+06', '0.0001', '1e-05')
    """
    if number == 0 or math.isnan(number) or math.isinf(number):
        return plain(number)
    decimal = Decimal(repr(number)).normalize()
    exponent = decimal.adjusted()
    if -4 <= exponent < 6:
        return plain(number)
    sign, digits, _ = decimal.as_tuple()
    head, tail = str(digits[0]), "".join(map(str, digits[1:]))
    body = f"{head}.{tail}" if tail else head
    return f"{'-' if sign else ''}{body}e{'+' if exponent >= 0 else '-'}{abs(exponent):02d}"


def json_number(number: float) -> str:
    """A double as Go writes it in JSON: an exponent below 1e-6 and from 1e21 up.

    >>> json_number(1e20), json_number(1e21), json_number(2.5e-6), json_number(1e-7)
    ('100000000000000000000', '1e+21', '0.0000025', '1e-7')
    """
    if not math.isfinite(number):
        return "null"
    if number == 0 or _JSON_LEAST <= abs(number) < _JSON_MOST:
        return plain(number)
    return repr(number).replace("e-0", "e-")


def json_rewritten(json_text: str) -> str:
    """A JSON text as Go writes its value: numbers as above, the keys of objects sorted.

    >>> json_rewritten('{"b": [1.0, 1e2], "a": 1.8446744073709552e19}')
    '{"a":18446744073709552000,"b":[1,100]}'
    """
    value = _raw_numbers(msgspec.json.decode(json_text))
    return msgspec.json.encode(value, order="sorted").decode()


def _raw_numbers(value: object) -> object:
    """The same JSON value with every double replaced by its JSON text."""
    if isinstance(value, float):
        return msgspec.Raw(json_number(value))
    if isinstance(value, list):
        return [_raw_numbers(item) for item in value]
    if isinstance(value, dict):
        return {key: _raw_numbers(item) for key, item in value.items()}
    return value


def nested(value: object) -> str:
    """A value as Go's %v prints it inside a list or a map (and in its printf output).

    >>> nested({"b": [1.0, "x", None], "a": True, "c": 1e6})
    'map[a:true b:[1 x <nil>] c:1e+06]'
    """
    if value is None:
        return "<nil>"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return general(value)
    if isinstance(value, list):
        return "[" + " ".join(map(nested, value)) + "]"
    if isinstance(value, dict):
        return "map[" + " ".join(f"{k}:{nested(value[k])}" for k in sorted(value)) + "]"
    return str(value)


def text(value: object) -> str:
    """A top-level value as text: doubles plain, everything else as Go's %v.

    >>> text(1e6), text([1e6])
    ('1000000', '[1e+06]')
    """
    return plain(value) if isinstance(value, float) else nested(value)


def parse_float(value: str) -> float | None:
    """A text as a double: decimal, exponent, hex float, `_` between digits, inf and nan.

    >>> [parse_float(value) for value in ("1e3", "0x1p4", "1_000", "-inf", "1e999", " 1", "1,5")]
    [1000.0, 16.0, 1000.0, -inf, None, None, None]
    """
    if _HEX_FLOAT.fullmatch(value):
        try:
            return float.fromhex(value.replace("_", ""))
        except (ValueError, OverflowError):
            return None
    if not _FLOAT.fullmatch(value):
        return None
    try:
        number = float(value.replace("_", ""))
    except ValueError:
        return None
    overflow = math.isinf(number) and "inf" not in value.lower()
    return None if overflow else number


def parse_integer(value: str) -> int | None:
    """A text as a decimal 64-bit integer; anything else is None.

    >>> [parse_integer(value) for value in ("+7", "007", "7.0", "1_0", "9223372036854775808")]
    [7, 7, None, None, None]
    """
    found = _INTEGER.fullmatch(value)
    if found is None:
        return None
    number = int(found[1] + found[2])
    return number if -(2**63) <= number < 2**63 else None


def decode_overflow(json_text: str) -> object:
    """The JSON value of an overflow cell, every number a double as the original decodes it."""
    return doubles(msgspec.json.decode(json_text))


def doubles(value: object) -> object:
    """The same JSON value with every number a double."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return float(value)
    if isinstance(value, list):
        return [doubles(item) for item in value]
    if isinstance(value, dict):
        return {key: doubles(item) for key, item in value.items()}
    return value


def overflow_text(json_text: str) -> str:
    """An overflow cell as text."""
    return text(decode_overflow(json_text))


def overflow_number(json_text: str) -> float | None:
    """An overflow cell as a double, None when it is not a number."""
    value = decode_overflow(json_text)
    if isinstance(value, bool):
        return None
    if isinstance(value, float):
        return value
    return parse_float(value) if isinstance(value, str) else None
