"""Warnings about fields that the catalogue does not know."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pipeline import fields
from pipeline.problem import Path, Problem, nearest, warning


def unknown_fields(names: Iterable[str], path: Path) -> Iterator[Problem]:
    """A warning for each name that is no field of the catalogue nor a part of one."""
    for name in sorted(names):
        if fields.root(name) not in fields.CATALOGUE:
            hint = nearest(name, fields.CATALOGUE) or "fine if an earlier stage or the input has it"
            yield warning(path, f'"{name}" is no known field', hint)
