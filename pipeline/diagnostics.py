"""What is wrong with a configuration, and where: collected, never raised one at a time."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable
from enum import StrEnum
from typing import NamedTuple

import msgspec

_LOGIN = re.compile(
    r"""(?<=://)(?:[^\s"'<>/:]*:[^\s"'<>]*|[^\s"'<>/]*)@"""
    r"""|(?<![^\s"'(,=])[^\s"'@/:,]+:(?!//)[^\s"'@,]+@(?=\S*:[0-9])"""
)
"""The login of a URL, and that before host:port."""
_LISTED = 20
ConfigPath = tuple[str | int, ...]
"""Where in a document: keys and list positions from its root."""


class Severity(StrEnum):
    """An error refuses the configuration, a warning is printed and the run goes on."""

    ERROR = "error"
    WARNING = "warning"


class Code(StrEnum):
    """What kind of finding it is, where a program wants to know."""

    OTHER = ""
    UNQUOTED = "unquoted"
    """A number, true or false where a text is expected."""
    CARDINALITY = "cardinality"
    """A metric may have many series."""


class Problem(msgspec.Struct, frozen=True):
    """One finding: where (relative to whoever reports it), what, and the nearest valid name.

    `place` ("file:line:column") is set when it is in a file of its own, a FlowMetric's say.
    """

    path: ConfigPath
    message: str
    hint: str = ""
    severity: Severity = Severity.ERROR
    place: str = ""
    code: Code = Code.OTHER

    def under(self, *prefix: str | int) -> Problem:
        """The same finding, its path seen from further up."""
        return msgspec.structs.replace(self, path=(*prefix, *self.path))

    def at(self, place: str) -> Problem:
        """The same finding, in a file of its own."""
        return msgspec.structs.replace(self, place=place)


def warning(path: ConfigPath, message: str, hint: str = "") -> Problem:
    """A finding that does not refuse the configuration."""
    return Problem(path, message, hint, Severity.WARNING)


def nearest(name: str, valid: Iterable[str]) -> str:
    """`did you mean "x"?`, or nothing when no valid name is near (case is ignored)."""
    folded = {candidate.lower(): candidate for candidate in valid}
    found = difflib.get_close_matches(name.lower(), folded, n=1, cutoff=0.6)
    return f'did you mean "{folded[found[0]]}"?' if found else ""


def listed(names: Collection[str]) -> str:
    """What names there are: none, all, or the first and how many more."""
    shown = ", ".join(list(names)[:_LISTED]) or "none"
    return shown if len(names) <= _LISTED else f"{shown} and {len(names) - _LISTED} more"


def printable(text: str) -> str:
    """A text on one line in which nothing moves a cursor, turns the direction or ends a line.

    What is not printable shows as U+FFFD. Names and errors come from flows, clusters and servers.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def without_login(text: str) -> str:
    """A text in which no address shows a login: `***@host:1` of `me:secret@host:1`."""
    return _LOGIN.sub("***@", text) if "@" in text else text


class Key(str):
    """The last part of a path that means the key itself, not the value it has."""

    __slots__ = ()


class Location(NamedTuple):
    """A place in a file; line and column count from 1, line 0 is the file as a whole."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


class Diagnostic(msgspec.Struct, frozen=True):
    """A problem and its place; the problem's path is inside the stage, where there is one.

    Printed as `file:line:column: error: stage "x", field y: message; hint`.
    """

    place: Location
    problem: Problem
    stage: str = ""

    def __str__(self) -> str:
        about = [f'stage "{self.stage}"'] if self.stage else []
        if self.problem.path:
            about.append(f"field {dotted(self.problem.path)}")
        subject = f"{', '.join(about)}: " if about else ""
        hint = f"; {self.problem.hint}" if self.problem.hint else ""
        where = self.problem.place or str(self.place)
        said = without_login(f"{self.problem.message}{hint}")
        return f"{where}: {self.problem.severity}: {subject}{said}"


class ConfigError(Exception):
    """A configuration is refused; `problems` is all that is wrong with it."""

    def __init__(self, problems: Iterable[Diagnostic]) -> None:
        self.problems = list(problems)
        super().__init__("\n".join(map(str, self.problems)))


def dotted(path: ConfigPath) -> str:
    """A path as people write it: `metrics[0].labels[1]`."""
    parts = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return "".join(parts).removeprefix(".")


def refusal(place: Location, message: str, hint: str = "") -> ConfigError:
    """The error for one thing that makes the rest unreadable."""
    return ConfigError([Diagnostic(place, Problem((), message, hint))])
