"""The JSON Schema (draft 2020-12) of native configuration files, for editors.

`make docs` brings the file up to date.
"""

from __future__ import annotations

import inspect
import json
import re
import sys
from collections.abc import Mapping
from typing import Any

import msgspec

from pipeline.config.settings import Settings
from pipeline.stage import Spec, registry

Schema = dict[str, Any]

_VARIABLE = {"type": "string", "pattern": r"^\$\{[^}]+\}$"}
_ABOUT = ("title", "description", "default")
_LISTS = ("anyOf", "prefixItems")
_NOT_TEXTS = {"integer", "number", "boolean"}


def schema(types: Mapping[str, type[Spec]] | None = None) -> Schema:
    """The schema of files with stages of these types (by default all there are)."""
    types = types or registry()
    kinds: list[type[msgspec.Struct]] = [Settings, *(types[name] for name in sorted(types))]
    refs, definitions = msgspec.json.schema_components(kinds, ref_template="#/$defs/{name}")
    definitions = {name: _definition(definitions[name]) for name in sorted(definitions)}
    settings = definitions.pop(Settings.__name__)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "flowmatrix configuration",
        "type": "object",
        "properties": {
            "$schema": {"type": "string"},
            "stages": {
                "description": "Stages in any order; `follows` connects them.",
                "type": "array",
                "items": _stage(dict(zip(sorted(types), refs[1:], strict=True))),
            },
            **settings["properties"],
        },
        "patternProperties": {"^x-": {}},
        "required": ["stages"],
        "additionalProperties": False,
        "$defs": definitions,
    }


def text(types: Mapping[str, type[Spec]] | None = None) -> str:
    """The schema as its file has it."""
    return json.dumps(schema(types), indent=2, ensure_ascii=False, default=sorted) + "\n"


def _stage(kinds: Mapping[str, Schema]) -> Schema:
    """One stage: its type says which fields it has."""
    return {
        "type": "object",
        "properties": {"type": {"description": "What the stage does.", "enum": list(kinds)}},
        "required": ["name", "type"],
        "allOf": [
            {"if": {"properties": {"type": {"const": name}}, "required": ["type"]}, "then": ref}
            for name, ref in kinds.items()
        ],
    }


def _definition(schema: Schema) -> Schema:
    """A definition of msgspec as editors profit from it: closed, each field described."""
    if "properties" not in schema:
        return _with_variable(schema)
    docs = inspect.cleandoc(schema.get("description", ""))
    fields = {}
    for name, field in schema["properties"].items():
        about = _about(name, docs, inspect.getdoc(Spec) if _is_stage(schema) else None)
        described = ({"description": about} if about else {}) | field
        fields[name] = field if name == "type" else _with_variable(described)
    described = schema | ({"description": docs} if docs else {})
    return described | {"properties": fields, "additionalProperties": False}


def _is_stage(schema: Schema) -> bool:
    return {"type", "name", "follows"} <= set(schema["properties"])


def _about(name: str, *docs: str | None) -> str:
    """What docstrings say about a field: the sentences that name it."""
    sentences = re.split(r"(?<=[.:])\s+(?=[A-Z`])", " ".join(" ".join(filter(None, docs)).split()))
    return " ".join(sentence for sentence in sentences if f"`{name}`" in sentence)


def _with_variable(schema: Schema) -> Schema:
    """The schema that also takes `${NAME}` where a number, a truth value or a choice stands."""
    if schema.get("type") in _NOT_TEXTS or {"enum", "pattern"} & set(schema):
        outside = {key: schema[key] for key in _ABOUT if key in schema}
        inside = {key: schema[key] for key in schema if key not in _ABOUT}
        return outside | {"anyOf": [inside, _VARIABLE]}
    inner = {
        key: [_with_variable(part) for part in schema[key]]
        if key in _LISTS
        else _with_variable(schema[key])
        for key in (*_LISTS, "items", "additionalProperties")
        if isinstance(schema.get(key), list | dict)
    }
    return schema | inner


if __name__ == "__main__":
    sys.stdout.write(text())
