"""Times as people give them: so long ago, or a date."""

from __future__ import annotations

import re
from datetime import datetime

import typer

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0}
_LENGTH = re.compile(rf"(?:[0-9]+(?:\.[0-9]+)?[{''.join(_UNITS)}])+")
_PARTS = re.compile(rf"([0-9.]+)([{''.join(_UNITS)}])")
EXAMPLES = "7d, 1h30m, or 2026-05-01T12:00:00Z"


def moment(text: str, now: float) -> float:
    """A time in epoch seconds: `7d` before `now`, or a date (of this machine's zone, or its own).

    Raises typer.BadParameter.
    """
    if _LENGTH.fullmatch(text):
        return now - sum(float(n) * _UNITS[unit] for n, unit in _PARTS.findall(text))
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f'"{text}" is not a time: {EXAMPLES}') from None
    return (found if found.tzinfo else found.astimezone()).timestamp()
