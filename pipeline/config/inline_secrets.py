"""Secrets that stand in a pipeline file itself, which others may read."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from pipeline.diagnostics import ConfigPath, Location, Problem, warning
from pipeline.files import is_open, is_secret

_HEADER = re.compile("auth|cookie|credential|key|passw|secret|token", re.IGNORECASE)
"""How a header, or a parameter, is named that has a secret."""


def problems(
    spec: msgspec.Struct, locate: Callable[[ConfigPath], Location], written: object
) -> Iterator[Problem]:
    """A warning for each secret of a stage that every user of this machine can read.

    `locate` says where something of the stage is, and `written` is the stage with its variables not
    replaced: what stands in a variable does not stand in the file.
    """
    for path, fields in given(spec):
        file = Path(locate(path).file)
        if "${" not in str(_value(written, path)) and is_open(file):
            name = f"{path[-1]}_file"
            other = f"give {name}" if name in fields else "write a variable (${NAME}) instead"
            message = "this secret can be read by every user of this machine"
            yield warning(path, message, f"chmod 600 {file.name}, or {other}")


def given(struct: msgspec.Struct, path: ConfigPath = ()) -> Iterator[tuple[ConfigPath, list[str]]]:
    """Where a struct has secrets, each with the fields that stand beside it."""
    fields = msgspec.structs.fields(struct)
    names = [field.encode_name for field in fields]
    for field in fields:
        value, at = getattr(struct, field.name), (*path, field.encode_name)
        if isinstance(value, msgspec.Struct):
            yield from given(value, at)
        elif is_secret(field.type) and isinstance(value, dict):
            yield from (((*at, key), []) for key in value if value[key] and _HEADER.search(key))
        elif is_secret(field.type) and value:
            yield at, names


def _value(data: object, path: ConfigPath) -> object:
    for part in path:
        data = data.get(part) if isinstance(data, dict) else None
    return data
