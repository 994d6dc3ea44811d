"""Where the parts of a YAML text start and end, so that a text can be changed in place."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import yaml

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_COLLECTIONS = (yaml.SequenceStartEvent, yaml.MappingStartEvent)


class Span(NamedTuple):
    """A part of a text: offsets of its first letter and of what follows its last one.

    `line` and `column` (from 1) are of its start. `parts` are the items of a sequence; of a
    mapping, keys and values in turns. `flow`: it is written in brackets or braces. An alias has no
    parts. The end of a block is that of its last part: comments after it are not in it.
    """

    start: int
    end: int
    line: int
    column: int
    kind: str
    flow: bool
    parts: tuple[Span, ...]

    def walk(self) -> Iterator[Span]:
        """The part itself, and all inside it."""
        yield self
        for part in self.parts:
            yield from part.walk()


def spans(text: str) -> list[Span]:
    """The documents of a text. Raises yaml.YAMLError for a text that is not YAML."""
    events = iter(yaml.parse(text, Loader=_LOADER))
    return [
        _span(next(events), events)
        for event in events
        if isinstance(event, yaml.DocumentStartEvent)
    ]


def _span(event: Any, events: Iterator[Any]) -> Span:
    start, end = event.start_mark, event.end_mark.index
    kind = type(event).__name__.removesuffix("Event").removesuffix("Start").lower()
    flow, parts = False, []
    if isinstance(event, _COLLECTIONS):
        flow = bool(event.flow_style)
        while not isinstance(inner := next(events), yaml.CollectionEndEvent):
            parts.append(_span(inner, events))
        closed: Any = inner.end_mark
        last = parts[-1].end if parts else start.index
        end = closed.index if flow else last
    return Span(start.index, end, start.line + 1, start.column + 1, kind, flow, tuple(parts))
