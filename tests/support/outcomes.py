"""What a pipeline exposed and printed, in a form that can be compared."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from typing import Any

_SAMPLE = re.compile(r"(?P<name>[^\s{]+)(?:\{(?P<labels>.*)\})? (?P<value>\S+)")
_LABEL = re.compile(r'([^=,]+)="((?:[^"\\]|\\.)*)"')
_HEADING = re.compile("^Flow record at .*:$")
_RECENT = 600


def records(text: str, dropped: Collection[str], now: float) -> Iterator[str]:
    """Each line as canonical JSON: numbers as doubles, a recent TimeReceived as `NOW`.

    What is not JSON is a line as it is, but for the time of a heading.
    """
    for line in text.splitlines():
        try:
            record = json.loads(line, parse_int=number, parse_float=number)
        except ValueError:
            record = {"__raw__": _HEADING.sub("Flow record at NOW:", line)}
        received = record.get("TimeReceived")
        if isinstance(received, float) and abs(received - now) < _RECENT:
            record["TimeReceived"] = "NOW"
        yield json.dumps({k: v for k, v in record.items() if k not in dropped}, sort_keys=True)


def number(text: str) -> float:
    """A double; minus zero is zero."""
    return float(text) + 0.0


def samples(text: str, keep: re.Pattern[str]) -> dict[str, Any]:
    """Types by family and values by series, of the families to keep."""
    types: dict[str, Any] = {}
    values: dict[str, float] = {}
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            name, kind = line.split()[2:]
            types[name] = kind
        elif line and not line.startswith("#"):
            found = _SAMPLE.fullmatch(line)
            assert found, line
            labels = sorted(_LABEL.findall(found["labels"] or ""))
            key = found["name"] + str(labels)
            assert key not in values, f"twice: {line}"
            if keep.search(found["name"]):
                values[key] = float(found["value"])
    return {name: kind for name, kind in types.items() if keep.search(name)} | values
