"""Where in which file a problem is, and all of them together as one error."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from pipeline.problem import Path, Problem


class Key(str):
    """The last part of a path that means the key itself, not the value it has."""

    __slots__ = ()


class Place(NamedTuple):
    """A place in a file; line and column count from 1, line 0 is the file as a whole."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


class Located(msgspec.Struct, frozen=True):
    """A problem and its place; the problem's path is inside the stage, where there is one.

    Printed as `file:line:column: error: stage "x", field y: message; hint`.
    """

    place: Place
    problem: Problem
    stage: str = ""

    def __str__(self) -> str:
        about = [f'stage "{self.stage}"'] if self.stage else []
        if self.problem.path:
            about.append(f"field {dotted(self.problem.path)}")
        subject = f"{', '.join(about)}: " if about else ""
        hint = f"; {self.problem.hint}" if self.problem.hint else ""
        where = self.problem.place or str(self.place)
        return f"{where}: {self.problem.severity}: {subject}{self.problem.message}{hint}"


class ConfigError(Exception):
    """A configuration is refused; `problems` is all that is wrong with it."""

    def __init__(self, problems: Iterable[Located]) -> None:
        self.problems = list(problems)
        super().__init__("\n".join(map(str, self.problems)))


def dotted(path: Path) -> str:
    """A path as people write it: `metrics[0].labels[1]`."""
    parts = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return "".join(parts).removeprefix(".")


def refusal(place: Place, message: str, hint: str = "") -> ConfigError:
    """The error for one thing that makes the rest unreadable."""
    return ConfigError([Located(place, Problem((), message, hint))])
