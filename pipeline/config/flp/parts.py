"""The result of translating a stage of flowlogs-pipeline: native stages and problems."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from msgspec import Struct
from msgspec.structs import astuple

from pipeline.diagnostics import ConfigPath, Problem, nearest


class Native(NamedTuple):
    """A native stage before it has a name and parents.

    `origins` maps paths below the native stage to paths below the root of the dialect
    (`dialect.Root`); `()` is the stage itself. `name` and `follows` are suffixes to the
    name of the original's stage; without a name, a stage follows the one before it.
    """

    type: str
    fields: Mapping[str, Any] = {}
    origins: Mapping[ConfigPath, ConfigPath] = {}
    name: str = ""
    follows: str = ""


Parts = Iterator[Native | Problem]
"""The native stages of one stage of the original, in order, and its problems (dialect paths)."""


def filled(**fields: Any) -> dict[str, Any]:
    """The fields that are not empty: without empty texts, lists and maps, None, zero and false."""
    return {name: value for name, value in fields.items() if value}


def is_unset(value: object) -> bool:
    """Whether a value is Go's zero value, which generated files have for every unset field.

    Zero values are null, "", 0, false, a duration of 0, an empty list, and a mapping or Struct
    of zero values.
    """
    if isinstance(value, Struct):
        value = astuple(value)
    if isinstance(value, dict):
        value = tuple(value.values())
    return all(map(is_unset, value)) if isinstance(value, tuple) else not value


def unknown(kind: str, given: str, valid: list[str], path: ConfigPath) -> Problem:
    """The problem of a name that is not one of the valid names."""
    hint = nearest(given, valid) or f"one of {', '.join(valid)}"
    return Problem(path, f'unknown {kind} "{given}"', hint)


def renamed(at: ConfigPath, **fields: str) -> dict[ConfigPath, ConfigPath]:
    """The origins of a stage that is written at `at`: `fields` maps native names to names there."""
    return {(): at} | {(native,): (*at, written) for native, written in fields.items()}
