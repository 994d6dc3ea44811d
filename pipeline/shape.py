"""Reads plain data (of YAML or JSON) into a struct, collecting every deviation from its shape.

The struct is the schema: its field names, types, defaults, enums, patterns and minima are those
that `msgspec.json.schema` reports, so the same definition can also be published as a schema.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import msgspec

from pipeline.place import Key
from pipeline.problem import Path, Problem, nearest

T = TypeVar("T", bound=msgspec.Struct)
Schema = Mapping[str, Any]


def read(kind: type[T], value: object) -> tuple[T, list[Problem]]:
    """`value` as a `kind`, and what is wrong with it (paths are relative to it).

    What does not fit is replaced by its default (or an empty value), so that the caller can go on
    checking the rest. A null counts as absent, as for an API server.
    """
    schema = msgspec.json.schema(kind)
    reader = _Reader(schema["$defs"])
    return msgspec.convert(reader.read(schema, value, ()), kind), reader.problems


class _Reader:
    """One walk over a value along its schema."""

    def __init__(self, definitions: Mapping[str, Schema]) -> None:
        self._definitions = definitions
        self._readers: dict[str, Callable[[Schema, Any, Path], object]] = {
            "string": self._text,
            "integer": self._integer,
            "array": self._list,
            "object": self._mapping,
        }
        self.problems: list[Problem] = []

    def read(self, schema: Schema, value: object, path: Path) -> object:
        """The value as the schema wants it; a list or mapping is a copy."""
        if "$ref" in schema:
            schema = {**self._definitions[schema["$ref"].rsplit("/", 1)[1]], **schema}
        if "enum" in schema:
            return self._choice(schema, value, path)
        return self._readers[schema["type"]](schema, value, path)

    def _add(self, path: Path, message: str, hint: str = "") -> None:
        self.problems.append(Problem(path, message, hint))

    def _choice(self, schema: Schema, value: object, path: Path) -> object:
        choices = schema["enum"]
        if value in choices:
            return value
        listed = ", ".join(str(choice) or '""' for choice in choices)
        self._add(path, f"{_shown(value)} is none of {listed}", nearest(str(value), choices))
        return schema.get("default", choices[0])

    def _text(self, schema: Schema, value: object, path: Path) -> str:
        default = str(schema.get("default", ""))
        if not isinstance(value, str):
            hint = "" if isinstance(value, (list, dict)) else "put it in quotes"
            self._add(path, f"a text is wanted here, not {_shown(value)}", hint)
            return default
        pattern = schema.get("pattern", "")
        if pattern and not re.fullmatch(pattern, value):
            self._add(path, f'"{value}" does not match {pattern}')
            return default
        return value

    def _integer(self, schema: Schema, value: object, path: Path) -> int:
        least = schema.get("minimum", 0)
        if not isinstance(value, int) or isinstance(value, bool):
            self._add(path, f"a whole number is wanted here, not {_shown(value)}")
        elif value < least:
            self._add(path, f"{value} is less than {least}")
        else:
            return value
        return int(schema.get("default", least))

    def _list(self, schema: Schema, value: object, path: Path) -> list[object]:
        if not isinstance(value, list):
            self._add(path, f"a list is wanted here, not {_shown(value)}")
            return []
        return [self.read(schema["items"], item, (*path, i)) for i, item in enumerate(value)]

    def _mapping(self, schema: Schema, value: object, path: Path) -> dict[str, object]:
        if not isinstance(value, dict):
            self._add(path, f"a mapping is wanted here, not {_shown(value)}")
            value = {}
        if "properties" in schema:
            return self._fields(schema, value, path)
        found = {}
        for key, item in value.items():
            before = len(self.problems)
            read = self.read(schema["additionalProperties"], item, (*path, key))
            if len(self.problems) == before:
                found[str(key)] = read
        return found

    def _fields(self, schema: Schema, value: Mapping[str, object], path: Path) -> dict[str, object]:
        known: Mapping[str, Schema] = schema["properties"]
        for key in value:
            if key not in known:
                self._add(
                    (*path, Key(key)), f'there is no field "{key}" here', nearest(str(key), known)
                )
        found = {}
        for key, shape in known.items():
            if value.get(key) is not None:
                found[key] = self.read(shape, value[key], (*path, key))
            elif key in schema.get("required", ()):
                self._add((*path, key), f"{key} is missing")
                found[key] = _Reader(self._definitions).read(shape, _NEUTRAL, (*path, key))
        return found


_NEUTRAL = object()
"""Fits nothing, so that reading it gives the empty value of any schema."""


def _shown(value: object) -> str:
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, dict)):
        return "a list" if isinstance(value, list) else "a mapping"
    return "nothing" if value is None else f"the {type(value).__name__} {value}"
