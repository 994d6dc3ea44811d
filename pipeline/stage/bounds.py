"""Upper bounds of histogram buckets: numbers, and +Inf in any spelling.

Every histogram has a bucket +Inf, so writing it changes nothing. Source:
https://prometheus.io/docs/concepts/metric_types/#histogram.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Annotated

from msgspec import Meta

from pipeline.flows import gotext

_EXPECTED = 'a number or "+Inf"'


def bound(value: str | float) -> float:
    """A bound as a number; a text may be a number, `+Inf`, `.inf`, `Infinity` or `1e999`.

    Raises ValueError for what is not a number, for NaN and for -Inf.
    """
    number = _read(value) if isinstance(value, str) else float(value)
    if number is None or math.isnan(number) or number == -math.inf:
        raise ValueError(f'"{value}" is not {_EXPECTED}')
    return number


def ascending(values: Iterable[str | float]) -> tuple[float, ...]:
    """The bounds in order, each once. Raises ValueError as `bound` does."""
    return tuple(sorted({bound(value) for value in values}))


def _read(text: str) -> float | None:
    """A text as Go's `strconv.ParseFloat` reads it, or infinity as YAML writes it."""
    number = gotext.parse_float(text)
    if number is not None:
        return number
    try:
        beyond = float(text.lower().replace(".inf", "inf"))
    except ValueError:
        return None
    return beyond if math.isinf(beyond) and text.strip() == text else None


def _native(value: str | float) -> float:
    """A bound of a configuration, where only infinity may be a text."""
    number = bound(value)
    if isinstance(value, str) and number != math.inf:
        raise ValueError(f'"{value}" is a text')
    return number


def _quoted(value: str | float) -> float:
    """A bound of a custom resource, where only infinity may be a number."""
    number = bound(value)
    if not isinstance(value, str) and number != math.inf:
        raise ValueError(f"{value} is not a text")
    return number


Bound = Annotated[float | str, Meta(extra={"expected": _EXPECTED, "check": _native})]
"""The type of a bound in a configuration, native or of flowlogs-pipeline."""

QuotedBound = Annotated[
    str | float, Meta(extra={"expected": 'a number in quotes or "+Inf"', "check": _quoted})
]
"""The type of a bound in a FlowMetric, where bounds are texts."""
