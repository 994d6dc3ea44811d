"""What stands in a cell of a table: times in UTC, bytes in units, names without control letters."""

from __future__ import annotations

import math
from datetime import UTC, datetime

from pipeline.diagnostics import printable

TIMES = ("first_seen", "last_seen")
"""The columns of times (Float64, epoch seconds)."""
Cell = str | int | float | list[str] | None
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")


def time_text(seconds: float) -> str:
    """A time (epoch seconds) in UTC; as it is when no calendar has it."""
    try:
        stamp = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
    except (OverflowError, ValueError, OSError):
        return str(seconds)
    return stamp.replace("+00:00", "Z")


def number_text(value: float) -> str:
    """A count for people: 1,234, or 0.5."""
    number = float(value)
    return f"{number:,.0f}" if number.is_integer() else f"{number:,.3g}"


def clean(cell: Cell) -> str:
    """A cell as a text in which nothing moves a cursor; of a list, one behind the other."""
    if isinstance(cell, list):
        return " ".join(map(printable, cell))
    return "" if cell is None else printable(str(cell))


def bytes_text(number: float) -> str:
    """A number of bytes in the largest unit that it fills: 999 B, 1.5 KiB, 12 MiB.

    A sum that no double has shows as what it is, without a unit: nan, inf.
    """
    size, unit = float(number), 0
    if not math.isfinite(size):
        return str(size)
    while abs(size) >= 1024 and unit < len(_UNITS) - 1:
        size, unit = size / 1024, unit + 1
    digits = 0 if unit == 0 or abs(size) >= 9.95 else 1
    return f"{size:,.{digits}f} {_UNITS[unit]}"
