"""TOML files as plain data, for those of flowlogs-pipeline; a place in them is the file alone."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from pipeline.diagnostics import Location, refusal
from pipeline.yaml import document
from pipeline.yaml.composer import MAX_DEPTH, Node
from pipeline.yaml.document import Document

_TOO_LARGE = "an integer of more than 64 bits"


def is_toml(path: Path) -> bool:
    """Whether the name of a file says that it is TOML."""
    return path.suffix.lower() == ".toml"


def read(path: Path) -> Document:
    """The document of a file. Raises ConfigError when it cannot be read or is not valid TOML."""
    name = str(path)
    text = document.read(path)
    try:
        root = _node(_values(text), 0)
    except (ValueError, RecursionError) as error:
        raise refusal(Location(name), f"invalid TOML: {error}") from error
    return Document(name, root, [])


def _values(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        raise
    except ValueError as error:  # Python reads no more than 4300 digits
        raise ValueError(_TOO_LARGE) from error


def _node(data: Any, depth: int) -> Node:
    """A value without a line; dates are texts, as JSON has them.

    Raises ValueError for what is nested as deep as no YAML may be, and for integers beyond 64 bits,
    which TOML 1.0 forbids.
    """
    if depth > MAX_DEPTH:
        raise ValueError(f"nested deeper than {MAX_DEPTH} levels")
    if isinstance(data, int) and not -(2**63) <= data < 2**63:
        raise ValueError(_TOO_LARGE)
    if isinstance(data, dict):
        items: dict[str | int, Node] = {k: _node(value, depth + 1) for k, value in data.items()}
        return Node({key: node.data for key, node in items.items()}, 0, 0, items)
    if isinstance(data, list):
        items = {index: _node(value, depth + 1) for index, value in enumerate(data)}
        return Node([node.data for node in items.values()], 0, 0, items)
    return Node(data if isinstance(data, str | int | float) else str(data), 0, 0)
