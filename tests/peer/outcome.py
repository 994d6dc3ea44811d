"""What a program made of a pipeline and its flows, and how two of these differ."""

from __future__ import annotations

import math
import re
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.support.outcomes import records

_RECEIVED = re.compile(r"\b(TimeReceived *[:=] ?)1(?:[67]\d{8}|\.[67]\d*e\+09)")
"""A time of this decade, which is that of the run, where a flow is not printed as JSON.

One is an integer, the other a double: docs/differences.md.
"""
_EMPTY = '{"__raw__": ""}'
_SHOWN = 20
_CLOSE = 1e-12
"""Sums of doubles in another order."""


@dataclass(frozen=True)
class Outcome:
    """Samples and records; or why the configuration was refused, or how the program died."""

    refused: str = ""
    died: str = ""
    samples: dict[str, Any] = field(default_factory=dict)
    records: list[str] = field(default_factory=list)


def printed_records(text: str) -> list[str]:
    """What was printed, in any of the formats: a record of JSON, or else a line, each."""
    found = records(_RECEIVED.sub(r"\1NOW", text), ["TimeReceived"], time.time())
    return [one for one in found if one != _EMPTY]


def differences(theirs: Outcome, ours: Outcome, *, ordered: bool = False) -> list[str]:
    """One line for each difference; none where the original died, which is no result."""
    if theirs.died:
        return []
    if bool(theirs.refused) != bool(ours.refused) or ours.died:
        return [f"{name}: {_outcome(one)}" for name, one in (("theirs", theirs), ("ours", ours))]
    found = [*_samples(theirs.samples, ours.samples), *_records(theirs.records, ours.records)]
    if not found and ordered and theirs.records != ours.records:
        found = ["the records are the same in another order"]
    return found


def _outcome(one: Outcome) -> str:
    if one.refused:
        return f"refused: {one.refused}"
    return f"died: {one.died}" if one.died else "accepted"


def _samples(theirs: dict[str, Any], ours: dict[str, Any]) -> Iterator[str]:
    for name in sorted(theirs.keys() | ours.keys()):
        left, right = theirs.get(name), ours.get(name)
        if not _same(left, right):
            yield f"sample {name}: theirs {left}, ours {right}"


def _same(left: object, right: object) -> bool:
    if isinstance(left, float) and isinstance(right, float):
        both_nan = math.isnan(left) and math.isnan(right)
        return both_nan or math.isclose(left, right, rel_tol=_CLOSE)
    return left == right


def _records(theirs: list[str], ours: list[str]) -> Iterator[str]:
    left, right = Counter(theirs), Counter(ours)
    for name, more in (("theirs", left - right), ("ours", right - left)):
        lines = sorted(more.elements())
        yield from (f"record of {name} alone: {line}" for line in lines[:_SHOWN])
        if len(lines) > _SHOWN:
            yield f"... and {len(lines) - _SHOWN} more of {name}"
