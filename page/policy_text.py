"""A policy as YAML, and which lines of it each of its rules has."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from pipeline.yaml.spans import Span, spans
from policy.generate.text import dump
from policy.networkpolicy import Direction
from policy.objects import Manifest


class Lines(NamedTuple):
    """A rule ("ingress[0]") and its lines of the text, from 1, both included."""

    rule: str
    first: int
    last: int


def text(policy: Manifest) -> tuple[str, list[Lines]]:
    """The YAML of a NetworkPolicy, and the lines of its rules in their order."""
    written = dump([policy])
    (document,) = spans(written)
    spec = _values(document, written).get("spec")
    return written, list(_rules(spec, written)) if spec else []


def _rules(spec: Span, written: str) -> Iterator[Lines]:
    parts = _values(spec, written)
    for direction in (one.value.lower() for one in Direction):
        rules = parts[direction].parts if direction in parts else ()
        for number, rule in enumerate(rules):
            yield Lines(
                f"{direction}[{number}]", rule.line, written.count("\n", 0, rule.end - 1) + 1
            )


def _values(mapping: Span, written: str) -> dict[str, Span]:
    keys, values = mapping.parts[::2], mapping.parts[1::2]
    return {
        written[key.start : key.end].strip('"'): value
        for key, value in zip(keys, values, strict=True)
    }
