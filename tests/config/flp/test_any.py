"""Whatever is wrong with a file, it is refused with places; nothing else happens."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from hypothesis import given
from hypothesis import strategies as st

from pipeline import config
from pipeline.diagnostics import ConfigError, Diagnostic

GOLDEN = Path(__file__).parents[2] / "golden"
FILES = [
    yaml.safe_load((GOLDEN / name / "config.yaml").read_text())
    for name in ("operator-records", "prom-workload-syn-in", "filter-add-field-if", "k8s-labels")
]
ODD: list[object] = [
    None,
    1,
    1.5,
    10**30,
    True,
    "",
    "x",
    [],
    {},
    [None],
    [{}],
    {"a": 1},
    {"type": "none"},
]

Path_ = tuple[str | int, ...]


def paths(node: Any, path: Path_ = ()) -> Iterator[Path_]:
    items = node.items() if isinstance(node, dict) else enumerate(node)
    for key, value in items:
        yield (*path, key)
        if isinstance(value, dict | list):
            yield from paths(value, (*path, key))


PLACES = [(file, path) for file in FILES for path in paths(file)]


@given(st.sampled_from(PLACES), st.sampled_from(ODD))
def test_a_file_with_any_part_replaced(place: tuple[Any, Path_], value: object) -> None:
    file, path = copy.deepcopy(place)
    node = file
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] = value
    assert all(problem.place.line for problem in problems(yaml.safe_dump(file)))


def problems(text: str) -> list[Diagnostic]:
    """What is said of a file, be it refused or not."""
    try:
        return config.loads(text, "f", GOLDEN / "k8s-labels", environ={}).warnings
    except ConfigError as error:
        return error.problems
