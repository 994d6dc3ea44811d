"""Times as people give them: so long ago, or a date."""

from __future__ import annotations

import re
from datetime import datetime

import typer

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0}
_LENGTH = re.compile(rf"(?:[0-9]+(?:\.[0-9]+)?[{''.join(_UNITS)}])+")
_PARTS = re.compile(rf"([0-9.]+)([{''.join(_UNITS)}])")
Period = tuple[float | None, float | None]
"""A start and an end in epoch seconds."""
EXAMPLES = "7d, 1h30m, or 2026-05-01T12:00:00Z"


def moment(text: str, now: float) -> float:
    """A time in epoch seconds: `7d` before `now`, or a date (of this machine's zone, or its own).

    Raises typer.BadParameter.
    """
    if _LENGTH.fullmatch(text):
        return now - sum(float(n) * _UNITS[unit] for n, unit in _PARTS.findall(text))
    try:
        return date(text)
    except ValueError:
        raise typer.BadParameter(f'"{text}" is not a time: {EXAMPLES}') from None


def date(text: str) -> float:
    """A date in epoch seconds, of this machine's zone or its own. Raises ValueError."""
    try:
        found = datetime.fromisoformat(text)
        return (found if found.tzinfo else found.astimezone()).timestamp()
    except OverflowError as error:  # no zone has so early or so late a time
        raise ValueError(str(error)) from error


def period(since: str | None, until: str | None, now: float) -> Period:
    """Both ends of a time that was asked for, each as `moment`; None where it is open.

    Raises typer.BadParameter, also when the end is not after the start.
    """
    first, last = (None if text is None else moment(text, now) for text in (since, until))
    if first is not None and last is not None and last <= first:
        raise typer.BadParameter(f'--until "{until}" is not after --since "{since}"')
    return first, last
