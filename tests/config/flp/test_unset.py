"""Go writes a zero for every field that is not set: it means what leaving the field out means."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.config import flp
from pipeline.config.flp.parts import is_unset
from pipeline.diagnostics import ConfigError
from pipeline.stage import registry
from pipeline.yaml import document

GOLDEN = Path(__file__).parents[2] / "golden"
TYPES = registry()
FILES = {
    "everything": yaml.safe_load((Path(__file__).parent / "everything.yaml").read_text()),
    **{
        name: yaml.safe_load((GOLDEN / name / "config.yaml").read_text())
        for name in ("operator-records", "filter-add-field-if")
    },
}
MEANT = {"label_value_max_length", "annotation_value_max_length", "value", "index"}
"""Fields where Go tells a zero from nothing: pointers, and maps whose keys count."""
BLOCKS = {
    *("ingest", "transform", "extract", "encode", "write", "removefield", "removeentry"),
    *("addfield", "addfieldifdoesntexist", "addfieldif", "addregexif", "addlabel", "addlabelif"),
    *("kubernetes", "kubernetes_infra", "decode_tcp_flags", "add_subnet_label", "add_subnet"),
    *("add_service",),
}
"""Blocks that a type needs: one without content is a block all the same."""
ZEROS: dict[type, Any] = {str: "", int: 0, float: 0, bool: False, list: [], dict: {}}

Path_ = tuple[str | int, ...]


def places(node: Any, path: Path_ = ()) -> Iterator[Path_]:
    """Where the file has a field: the keys of mappings, at any depth."""
    for key, value in node.items() if isinstance(node, dict) else enumerate(node):
        if key in MEANT:
            continue
        if isinstance(key, str) and key.lower() not in BLOCKS:
            yield (*path, key)
        if isinstance(value, dict | list):
            yield from places(value, (*path, key))


def without(file: Any, path: Path_) -> tuple[Any, Any]:
    """A copy of the file without what is at the path, the mapping that had it, and the value."""
    file = copy.deepcopy(file)
    node = file
    for key in path[:-1]:
        node = node[key]
    return file, node


def meaning(file: Any) -> tuple[object, ...]:
    """All that a translation says, but for places."""
    try:
        translation = flp.translate(document.load(json.dumps(file), "f"), types=TYPES)
    except ConfigError as error:
        return tuple(one.problem.message for one in error.problems)
    messages = sorted((p.message, p.severity) for p in translation.problems)
    return translation.stages, translation.settings, messages


@pytest.mark.slow
@pytest.mark.parametrize("name", FILES)
def test_a_zero_is_as_good_as_nothing(name: str) -> None:
    for path in places(FILES[name]):
        absent, node = without(FILES[name], path)
        zero = ZEROS.get(type(node.pop(path[-1])))
        wanted = meaning(absent)
        for value in (zero, None):
            node[path[-1]] = value
            assert meaning(absent) == wanted, (path, value)


@pytest.mark.parametrize("written", ["0s", 0, "0", "0h0m0s", "-0s", "", 0.0, None])
def test_no_expiry_is_the_default(written: object) -> None:
    file = copy.deepcopy(FILES["everything"])
    file["parameters"][3]["encode"]["prom"]["expiryTime"] = written
    assert all("expiry" not in stage for stage in meaning(file)[0])  # type: ignore[attr-defined] # stages


@pytest.mark.parametrize(
    ("value", "unset"),
    [
        ('{"a": {"b": "", "c": [], "d": 0, "e": null}}', True),
        ('{"a": {"b": "x"}}', False),
        ("[0]", False),
        ("0.0", True),
        ("false", True),
        ('"0"', False),
    ],
)
def test_what_is_unset(value: str, *, unset: bool) -> None:
    assert is_unset(json.loads(value)) is unset
