"""The JSON Schema: what it says about each field, and that its file is up to date."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import msgspec

from pipeline.config import schema
from pipeline.config.settings import Settings
from pipeline.stage import Transform, registry

FILE = Path(__file__).parents[2] / "configs" / "schema.json"
VARIABLE = {"type": "string", "pattern": r"^\$\{[^}]+\}$"}


class Part(msgspec.Struct, frozen=True):
    """A part. Its `name` is free."""

    name: str
    sizes: list[int] = []


class Doubled(Transform, frozen=True, kw_only=True, tag="doubled"):
    """Double a field.

    `field` is doubled, unless `mode` says
    otherwise. It is slow.
    """

    field: str
    mode: Literal["on", "off"] = "on"
    parts: tuple[Part, ...] = ()


DOUBLED: dict[str, Any] = json.loads(schema.text({"doubled": Doubled}))


def test_a_stage() -> None:
    definition = DOUBLED["$defs"]["Doubled"]
    assert definition["description"].startswith("Double a field.\n\n`field`")
    assert definition["required"] == ["type", "name", "field"]
    assert definition["additionalProperties"] is False
    about = "`field` is doubled, unless `mode` says otherwise."
    assert definition["properties"] == {
        "type": {"enum": ["doubled"]},
        "name": {
            "description": "`name` is the stage's own name.",
            "type": "string",
            "minLength": 1,
        },
        "follows": {
            "description": "`follows` names the stages whose flows come in.",
            "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}],
            "default": [],
        },
        "field": {"description": about, "type": "string"},
        "mode": {
            "description": about,
            "default": "on",
            "anyOf": [{"enum": ["off", "on"]}, VARIABLE],
        },
        "parts": {"type": "array", "items": {"$ref": "#/$defs/Part"}, "default": []},
    }


def test_a_nested_struct() -> None:
    assert DOUBLED["$defs"]["Part"] == {
        "title": "Part",
        "description": "A part. Its `name` is free.",
        "type": "object",
        "properties": {
            "name": {"description": "Its `name` is free.", "type": "string"},
            "sizes": {
                "type": "array",
                "items": {"anyOf": [{"type": "integer"}, VARIABLE]},
                "default": [],
            },
        },
        "required": ["name"],
        "additionalProperties": False,
    }


def test_the_file_as_a_whole() -> None:
    names = {"$schema", "stages", *Settings.__struct_fields__}
    assert set(DOUBLED["properties"]) == names
    assert DOUBLED["required"] == ["stages"]
    assert DOUBLED["additionalProperties"] is False
    stage = DOUBLED["properties"]["stages"]["items"]
    assert stage["properties"]["type"]["enum"] == ["doubled"]
    assert stage["allOf"] == [
        {
            "if": {"properties": {"type": {"const": "doubled"}}, "required": ["type"]},
            "then": {"$ref": "#/$defs/Doubled"},
        }
    ]


def references(part: object) -> Iterator[str]:
    if isinstance(part, dict):
        yield from (value for key, value in part.items() if key == "$ref")
        part = list(part.values())
    if isinstance(part, list):
        for item in part:
            yield from references(item)


def test_every_stage_is_in_it() -> None:
    whole = schema.schema()
    types = whole["properties"]["stages"]["items"]["properties"]["type"]["enum"]
    assert types == sorted(registry())
    assert {ref.removeprefix("#/$defs/") for ref in references(whole)} <= set(whole["$defs"])


def test_the_file_is_up_to_date() -> None:
    assert FILE.read_text(encoding="utf-8") == schema.text(), "stale: run make docs"
