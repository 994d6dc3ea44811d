"""TOML files as plain data, for those of flowlogs-pipeline; a place in them is the file alone."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from pipeline.diagnostics import Location, refusal
from pipeline.yaml import document
from pipeline.yaml.composer import Node
from pipeline.yaml.document import Document


def is_toml(path: Path) -> bool:
    """Whether the name of a file says that it is TOML."""
    return path.suffix.lower() == ".toml"


def read(path: Path) -> Document:
    """The document of a file. Raises ConfigError when it cannot be read or is not valid TOML."""
    name = str(path)
    try:
        data = tomllib.loads(document.read(path))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise refusal(Location(name), f"invalid TOML: {error}") from error
    return Document(name, _node(data), [])


def _node(data: Any) -> Node:
    """A value without a line; dates are texts, as JSON has them."""
    if isinstance(data, dict):
        items: dict[str | int, Node] = {key: _node(value) for key, value in data.items()}
        return Node({key: node.data for key, node in items.items()}, 0, 0, items)
    if isinstance(data, list):
        items = {index: _node(value) for index, value in enumerate(data)}
        return Node([node.data for node in items.values()], 0, 0, items)
    return Node(data if isinstance(data, str | int | float) else str(data), 0, 0)
