"""Durations: Go texts ("10s", "1h30m") or plain numbers.

Source: docs/reference/flowlogs-pipeline.md#durations.
"""

from __future__ import annotations

import re
from typing import Annotated

from msgspec import Meta

_UNITS = {
    "ns": 1e-9,
    "us": 1e-6,
    "µs": 1e-6,
    "μs": 1e-6,
    "ms": 1e-3,
    "s": 1.0,
    "m": 60.0,
    "h": 3600.0,
}
_PART = r"(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:" + "|".join(_UNITS) + ")"
_PARTS = re.compile(rf"([0-9.]+)({'|'.join(_UNITS)})")
_TEXT = re.compile(rf"([-+]?)((?:{_PART})+|0)")
_LONGEST = (2**63 - 1) / 1e9
_EXPECTED = 'a duration such as "10s", "1h30m", or a number of seconds'


def seconds(value: str | float) -> float:
    """A native duration in seconds: a Go text, or a number of seconds.

    Raises ValueError when it is neither, is negative, or is longer than 292 years.

    >>> seconds("1h30m"), seconds("1.5s"), seconds("250ms"), seconds(90)
    (5400.0, 1.5, 0.25, 90.0)
    >>> seconds("90")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ValueError: "90" is not a duration: expected a duration such as ...
    """
    number = _go(value) if isinstance(value, str) else float(value)
    if number is None or not 0 <= number <= _LONGEST:
        raise ValueError(f'"{value}" is not a duration: expected {_EXPECTED}')
    return number


def from_go(value: str | float) -> float:
    """A duration of flowlogs-pipeline in seconds: a Go text, or a number of nanoseconds.

    It may be negative. Raises ValueError when it is neither or is longer than 292 years.

    >>> from_go("-1m"), from_go(1_500_000_000)
    (-60.0, 1.5)
    """
    number = _go(value) if isinstance(value, str) else float(value) / 1e9
    if number is None or not -_LONGEST <= number <= _LONGEST:
        expected = _EXPECTED.replace("seconds", "nanoseconds")
        raise ValueError(f'"{value}" is not a duration: expected {expected}')
    return number


def _go(text: str) -> float | None:
    found = _TEXT.fullmatch(text)
    if found is None:
        return None
    sign, parts = found.groups()
    total = sum(float(number) * _UNITS[unit] for number, unit in _PARTS.findall(parts))
    return -total if sign == "-" else total


Duration = Annotated[
    Annotated[str, Meta(pattern=rf"^\+?(({_PART})+|0)$(?!\n)")]
    | Annotated[float, Meta(ge=0.0, le=_LONGEST)],
    Meta(
        description=f"{_EXPECTED[0].upper()}{_EXPECTED[1:]}.",
        extra={"expected": _EXPECTED, "check": seconds},
    ),
]
"""The type of a Spec's duration field; `seconds` turns its value into a number, without error."""
