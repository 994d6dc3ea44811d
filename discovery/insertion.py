"""The text of a pipeline file with labels inserted, in the style of what stands there."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from pipeline.diagnostics import Location
from pipeline.kube.subnets import Label
from pipeline.yaml.spans import Span, spans

_DASH = re.compile(r"^ *(?=-\s)", re.MULTILINE)
_MARK = "\N{BYTE ORDER MARK}"
"""The parser leaves it out when it counts letters."""
_STEP = 2
"""Blanks by which an item stands further right than its list."""


def inserted(text: str, at: Location, stage: Location, labels: Sequence[Label]) -> str | None:
    """The text with labels added at the end of the list at a place.

    `at` equals `stage`, where the stage starts, when it has no list yet: it gets one. None: there
    is neither a list nor a mapping at the place.
    """
    mark = _MARK if text.startswith(_MARK) else ""
    text = text.removeprefix(mark)
    (root,) = spans(text)
    kind = "mapping" if at == stage else "sequence"
    place = at.line, at.column
    found = [part for part in root.walk() if part.kind == kind and part[2:4] == place]
    if not found:
        return None
    writer = _Writer(text, quoted=root.flow)
    write = writer.with_list if at == stage else writer.with_items
    return mark + write(found[-1], labels)


class _Writer:
    """Writes labels into one text."""

    def __init__(self, text: str, *, quoted: bool) -> None:
        self._text = text
        self._quoted = quoted
        self._end = "\r\n" if "\r\n" in text else "\n"

    def with_list(self, stage: Span, labels: Sequence[Label]) -> str:
        """A new list at the end of a stage."""
        if stage.flow:
            items = ", ".join(self._flow(label) for label in labels)
            return self._put(stage.parts[-1].end, f", {self._key('labels')}: [{items}]")
        column = stage.parts[0].column - 1
        lines = ["labels:", *(" " * _STEP + line for line in self._lines(labels, flow=False))]
        return self._put_lines(stage.end, lines, column)

    def with_items(self, items: Span, labels: Sequence[Label]) -> str:
        """New items at the end of a list."""
        if not items.flow:
            lines = self._lines(labels, flow=items.parts[-1].flow)
            return self._put_lines(items.end, lines, self._dash(items))
        written = [self._flow(label) for label in labels]
        if not items.parts:
            return self._put(items.end - 1, ", ".join(written))
        last = items.parts[-1]
        before = self._text[self._line_start(last.start) : last.start]
        between = f",{self._end}{before}" if before.isspace() else ", "
        return self._put(last.end, "".join(between + one for one in written))

    def _lines(self, labels: Sequence[Label], *, flow: bool) -> list[str]:
        """The items of a list in block style, written in braces or not."""
        if flow:
            return [f"- {self._flow(label)}" for label in labels]
        return [
            line
            for label in labels
            for line in (
                f"- name: {json.dumps(label.name)}",
                f"{' ' * _STEP}cidrs: {json.dumps(label.cidrs)}",
            )
        ]

    def _flow(self, label: Label) -> str:
        name, cidrs = json.dumps(label.name), json.dumps(label.cidrs)
        return f"{{{self._key('name')}: {name}, {self._key('cidrs')}: {cidrs}}}"

    def _key(self, text: str) -> str:
        return json.dumps(text) if self._quoted else text

    def _dash(self, items: Span) -> int:
        """The column (from 0) of the dashes of a list, which an anchor may stand before."""
        if self._text[items.start] == "-":
            return items.column - 1
        found = _DASH.search(self._text, items.start)
        return len(found[0]) if found else 0

    def _line_start(self, offset: int) -> int:
        return self._text.rfind("\n", 0, offset) + 1

    def _put(self, offset: int, more: str) -> str:
        return self._text[:offset] + more + self._text[offset:]

    def _put_lines(self, offset: int, lines: Sequence[str], column: int) -> str:
        """Lines below the one that ends at an offset, or has a comment after it."""
        added = "".join(f"{' ' * column}{line}{self._end}" for line in lines)
        if self._text[offset - 1] != "\n":
            offset = self._text.find("\n", offset) + 1
        if not offset:  # the last line has no end
            return f"{self._text}{self._end}{added.removesuffix(self._end)}"
        return self._put(offset, added)
