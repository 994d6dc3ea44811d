"""From the events of the YAML parser to plain data with places, within limits."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from pipeline.diagnostics import Diagnostic, Location, Problem, refusal
from pipeline.yaml import scalars

MAX_NODES = 500_000
"""Keys and values of a file, an alias counted as all it stands for."""
MAX_DEPTH = 100
"""Lists and mappings inside each other."""

_TAG = "tag:yaml.org,2002:"
_MERGE = "<<"
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_QUOTES = 'a text that begins with "{}" needs quotes'
"""Such a text may be a password: it is not shown."""
_PAIR = re.compile(
    r"((?<!\\)(?:\\\\)*)(\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})"
)


@dataclass
class Node:
    """A value with the place where it starts, and the same of all inside it.

    `keys`: line and column of each key. `size`: nodes inside, aliases expanded.
    """

    data: Any
    line: int
    column: int
    items: dict[str | int, Node] = field(default_factory=dict)
    keys: dict[str, tuple[int, int]] = field(default_factory=dict)
    size: int = 1


def _with_whole_letters(text: str) -> str:
    """JSON has the escapes of two surrogates for a letter beyond U+FFFF; YAML has one escape."""
    if text.lstrip()[:1] not in {"{", "["}:
        return text
    return _PAIR.sub(_with_one_escape, text)


def _with_one_escape(found: re.Match[str]) -> str:
    letter: str = json.loads(f'"{found[2]}"')
    return f"{found[1]}\\U{ord(letter):08x}"


class Composer:
    """Reads the documents of one text. A node that is wrong is a problem and reads as null."""

    def __init__(
        self,
        text: str,
        name: str,
        environ: Mapping[str, str] | None = None,
        *,
        schema: scalars.Schema = scalars.CORE,
        limit: int = MAX_NODES,
    ) -> None:
        self._events: Iterator[Any] = yaml.parse(_with_whole_letters(text), Loader=_LOADER)
        self._name = name
        self._environ = environ
        self._schema = schema
        self._limit = limit
        self._problems: list[Diagnostic] = []
        self._anchors: dict[str, Node | None] = {}
        self._nodes = 0

    def documents(self) -> Iterator[tuple[Node, list[Diagnostic]]]:
        """Each document with its problems. Raises YAMLError, and ConfigError beyond the limits."""
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                self._problems, self._anchors = [], {}
                root = self._node(next(self._events), 0)
                yield root, self._problems

    def _node(self, event: Any, depth: int) -> Node:
        node = Node(None, *_start(event))
        if depth > MAX_DEPTH:
            raise refusal(self._place(node), f"nested deeper than {MAX_DEPTH} levels")
        if isinstance(event, yaml.AliasEvent):
            self._alias(event.anchor, node)
        else:
            if event.anchor:
                self._anchors[event.anchor] = None
            self._content(event, node, depth)
            if event.anchor:
                self._anchors[event.anchor] = node
        return node

    def _content(self, event: Any, node: Node, depth: int) -> None:
        self._count(node, 1)
        if isinstance(event, yaml.ScalarEvent):
            node.data = self._scalar(event, node)
            return
        if isinstance(event, yaml.SequenceStartEvent):
            self._sequence(node, depth)
        else:
            self._mapping(node, depth)
        expected = "seq" if isinstance(node.data, list) else "map"
        if event.tag not in (None, "!", _TAG + expected):
            self._report(node, "the tag does not fit", _QUOTES.format("!"))

    def _alias(self, anchor: Any, node: Node) -> None:
        target = self._anchors.get(anchor)
        if target is None:
            if anchor in self._anchors:
                self._report(node, f"*{anchor} contains itself")
            else:
                self._report(node, "this alias has no anchor", _QUOTES.format("*"))
            return
        self._count(node, target.size)
        node.data, node.items, node.keys = target.data, target.items, target.keys
        node.size = target.size

    def _count(self, node: Node, size: int) -> None:
        self._nodes += size
        if self._nodes > self._limit:
            message = f"more than {self._limit} values, aliases expanded"
            raise refusal(self._place(node), message)

    def _sequence(self, node: Node, depth: int) -> None:
        node.data = []
        for event in self._events:
            if isinstance(event, yaml.SequenceEndEvent):
                return
            item = self._node(event, depth + 1)
            node.items[len(node.data)] = item
            node.data.append(item.data)
            node.size += item.size

    def _mapping(self, node: Node, depth: int) -> None:
        node.data = {}
        merged: list[Node] = []
        for event in self._events:
            if isinstance(event, yaml.MappingEndEvent):
                break
            key = self._key(event, depth)
            value = self._node(next(self._events), depth + 1)
            node.size += value.size
            if key is None:
                continue
            name = key.data
            if name == _MERGE and event.implicit[0]:
                merged.append(value)
            elif name in node.items:
                first = node.keys[name][0]
                self._report(key, f'duplicate key "{name}"', f"first given in line {first}")
            else:
                self._put(node, name, value, (key.line, key.column))
        for value in merged:
            self._merge(node, value)

    def _key(self, event: Any, depth: int) -> Node | None:
        """A key as written; a key that is not a text is a problem, and its value is left out."""
        if isinstance(event, yaml.ScalarEvent):
            key = Node(self._key_text(event), *_start(event))
            if event.anchor:
                self._anchors[event.anchor] = key
            return key
        key = self._node(event, depth + 1)
        if isinstance(key.data, str):
            return key
        self._report(key, "a key must be a text")
        return None

    def _key_text(self, event: Any) -> str:
        read = self._schema.key
        plain = event.implicit[0] and event.value != _MERGE
        return read(self._schema.value(event.value)) if read and plain else str(event.value)

    def _merge(self, node: Node, value: Node) -> None:
        """`<<`: the items of a mapping, or of a list of them, where the key is not given yet."""
        sources = list(value.items.values()) if isinstance(value.data, list) else [value]
        for source in sources:
            if not isinstance(source.data, dict):
                self._report(source, "<< merges mappings only")
                continue
            for name in source.data:
                if name not in node.items:
                    self._put(node, name, source.items[name], source.keys[name])

    def _put(self, node: Node, name: str, value: Node, at: tuple[int, int]) -> None:
        node.data[name] = value.data
        node.items[name] = value
        node.keys[name] = at

    def _scalar(self, event: Any, node: Node) -> scalars.Scalar:
        text, plain = event.value, event.implicit[0]
        if self._environ is not None:
            try:
                text = scalars.substitute(text, self._environ)
            except scalars.VariableError as error:
                self._report(node, str(error), error.hint)
                return None
            plain = plain and (text == event.value or scalars.is_variable(event.value))
        if event.tag in (None, "!"):
            return self._schema.value(text) if plain else text
        try:
            return scalars.tagged(text, event.tag.removeprefix(_TAG), self._schema)
        except ValueError as error:
            self._report(node, str(error), _QUOTES.format("!"))
            return None

    def _place(self, node: Node) -> Location:
        return Location(self._name, node.line, node.column)

    def _report(self, node: Node, message: str, hint: str = "") -> None:
        self._problems.append(Diagnostic(self._place(node), Problem((), message, hint)))


def _start(event: Any) -> tuple[int, int]:
    return event.start_mark.line + 1, event.start_mark.column + 1
