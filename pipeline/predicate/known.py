"""Warnings about fields that the catalogue does not know."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pipeline.diagnostics import ConfigPath, Problem, nearest, warning
from pipeline.flows import catalogue


def unknown_fields(names: Iterable[str], path: ConfigPath) -> Iterator[Problem]:
    """A warning for each name that is neither a field of the catalogue nor a part of one."""
    for name in sorted(names):
        if catalogue.root(name) not in catalogue.CATALOGUE:
            hint = (
                nearest(name, catalogue.CATALOGUE) or "fine if an earlier stage or the input has it"
            )
            yield warning(path, f'"{name}" is not a known field', hint)
