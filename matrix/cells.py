"""What stands in a cell of a table: times in UTC, bytes in units, names without control letters."""

from __future__ import annotations

from datetime import UTC, datetime

from pipeline.diagnostics import printable

TIMES = ("first_seen", "last_seen")
"""The columns of times (Float64, epoch seconds)."""
Cell = str | int | float | None


def time_text(seconds: float) -> str:
    """A time (epoch seconds) in UTC; as it is when no calendar has it."""
    try:
        stamp = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
    except (OverflowError, ValueError, OSError):
        return str(seconds)
    return stamp.replace("+00:00", "Z")


def number_text(value: float) -> str:
    """A count for people: 1,234, or 0.5."""
    return f"{value:,.0f}" if value.is_integer() else f"{value:,.3g}"


def clean(cell: Cell) -> str:
    """A cell as a text in which nothing moves a cursor."""
    return "" if cell is None else printable(str(cell))
